import { readFile, stat } from 'node:fs/promises'
import { hashFormats } from '../accounts/hash-formats.ts'
import type { HashFormat } from '../accounts/hash-formats.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** A file of a thousand administrators has 100 KB. */
const MAX_FILE_BYTES = 1024 * 1024
/** How old what is known of the file may be: less than it takes to try whether a change works. */
export const FRESH_MS = 1000
/** What `htpasswd -B`, `-2` and `-5` write, and what other tools make of bcrypt's prefix. */
const PREFIXES = ['$2y$', '$2b$', '$2a$', '$5$', '$6$']
// Basic authentication ends a name at its first colon; what cannot be typed was not meant.
const NAME = /^[^\p{Cc}:]+$/u

/** Stored hashes by user name. */
export type WebUsers = ReadonlyMap<string, string>

/**
 * Reads the text of an htpasswd file: `name:hash` a line, blank lines and those that begin with `#` left out.
 * @param file for errors.
 * @throws Error of one line naming file and line and what is wanted there; never what it holds.
 */
export function parseUserFile(text: string, file: string): WebUsers {
  const users = new Map<string, string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const refuse = (problem: string): never => {
      throw new Error(`httpd.auth_user_file: ${file} line ${index + 1}: ${problem}`)
    }
    const colon = line.indexOf(':')
    if (colon < 0) refuse('want name:hash')
    const [name, hash] = [line.slice(0, colon), line.slice(colon + 1)]
    if (!NAME.test(name)) refuse('the name before the colon is empty or has control characters')
    if (users.has(name)) refuse(`${JSON.stringify(name)} has a line already`)
    const format = formats().find(({ prefix }) => hash.startsWith(prefix))
    if (format === undefined) refuse('want a bcrypt, sha256crypt or sha512crypt hash, as htpasswd -B, -2 or -5 makes')
    else if (format.parse(hash) === undefined) refuse(`the hash cannot be checked, want ${format.shape}`)
    users.set(name, hash)
  }
  if (users.size === 0) throw new Error(`httpd.auth_user_file: ${file} has no users: nobody could log in`)
  return users
}

/** The formats alone are of interest, nothing is computed. */
function formats(): HashFormat[] {
  const never = (): Promise<never> => Promise.reject(new Error('only parsed'))
  return hashFormats({ argon2id: never, shaCrypt: never }).filter(({ prefix }) => PREFIXES.includes(prefix))
}

/**
 * Reads the file once.
 * @throws Error of one line when it cannot be used.
 */
export async function readUserFile(file: string): Promise<WebUsers> {
  return parseUserFile(await readText(file), file)
}

/** The users of a file, as it is now. */
export interface UserFile {
  /** Never rejects: a file that became unusable leaves the users as they were, and a line in the log. */
  users(): Promise<WebUsers>
}

/**
 * Reads the file, and again whenever it has changed.
 * @throws Error of one line when it cannot be used.
 */
export async function openUserFile(file: string, { clock, log }: { clock: Clock; log: Log }): Promise<UserFile> {
  let state = await stateOf(file)
  let users = await readUserFile(file)
  let checkedMs = clock.monotonic()
  let checking: Promise<void> | undefined

  async function check(): Promise<void> {
    const before = state
    try {
      // Taken first: what changes between the two is seen the next time.
      state = await stateOf(file)
      if (state === before) return
      users = await readUserFile(file)
      log.app('httpd', 'info', `${file} has changed: ${users.size} users may log in`)
    } catch (error) {
      // Said once: the state is that of the file that was refused, or of none.
      if (state === before) state = ''
      if (before !== state) log.app('httpd', 'error', 'the users stay as they were', { error })
    } finally {
      checkedMs = clock.monotonic()
    }
  }

  return {
    async users() {
      if (clock.monotonic() - checkedMs >= FRESH_MS) {
        checking ??= check().finally(() => (checking = undefined))
        await checking
      }
      return users
    },
  }
}

/** Changes whenever the file does; editors and htpasswd put a new file in the old one's place. */
async function stateOf(file: string): Promise<string> {
  return attempt(file, async () => {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join(' ')
  })
}

async function readText(file: string): Promise<string> {
  const bytes = await attempt(file, () => readFile(file))
  if (bytes.length > MAX_FILE_BYTES) {
    throw new Error(`httpd.auth_user_file: ${file} has ${bytes.length} bytes, want up to ${MAX_FILE_BYTES}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Error(`httpd.auth_user_file: ${file} is not UTF-8`, { cause: error })
  }
}

async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`httpd.auth_user_file: ${file} cannot be read (${code})`, { cause: error })
  }
}
