import { FsError, virtualPath } from '../filesystem.ts'
import type { FileSystem, HashAlgorithm } from '../filesystem.ts'
import { expand } from './expand.ts'
import { reasonOf } from './failure.ts'
import type { CommandStream } from './stream.ts'
import { BadCommand } from './words.ts'
import type { Word } from './words.ts'

const FOR_READING = {
  read: true,
  write: false,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
} as const

/** `md5sum` and its sisters, and what each computes. */
export const HASH_COMMANDS = {
  md5sum: 'md5',
  sha1sum: 'sha1',
  sha256sum: 'sha256',
  sha384sum: 'sha384',
  sha512sum: 'sha512',
} as const satisfies Record<string, HashAlgorithm>
export type HashCommandName = keyof typeof HASH_COMMANDS

/** A hash that is fed piece by piece, for what is no file. */
export interface HashStream {
  /** The chunk may change as soon as this returns; resolves when there is room for more. */
  update(chunk: Buffer): Promise<void>
  digest(): Promise<Buffer>
  /** In place of `digest`: nobody wants it any more. */
  discard(): void
}

export interface HashCommand {
  name: HashCommandName
  /** `-b`: a `*` in front of each name. */
  binary: boolean
  /** Of files; `-` is standard input, and so is none at all. */
  operands: Word[]
}

/**
 * The words behind the command. As with coreutils, options may stand anywhere in front of `--`.
 * @throws BadCommand for an option that is not known.
 */
export function parseHash(name: HashCommandName, words: readonly Word[]): HashCommand {
  let binary = false
  let options = true
  const operands: Word[] = []
  for (const word of words) {
    const { text } = word
    if (!options || text === '-' || !text.startsWith('-')) operands.push(word)
    else if (text === '--') options = false
    else if (text === '-b' || text === '--binary') binary = true
    else if (text === '-t' || text === '--text') binary = false
    else throw new BadCommand(`${name}: unknown option ${text}, allowed are -b, --binary, -t and --text`)
  }
  return { name, binary, operands }
}

export interface HashOptions {
  fs: FileSystem
  command: HashCommand
  stream: CommandStream
  createHash(algorithm: HashAlgorithm): HashStream
}

/**
 * Prints the hash of each file in coreutils' format; what cannot be read is said on standard error.
 * @returns the exit status. Never rejects.
 */
export async function hashFiles({ fs, command, stream, createHash }: HashOptions): Promise<number> {
  const { name, binary, operands } = command
  const algorithm = HASH_COMMANDS[name]
  let exitStatus = 0
  const complaining = async (operand: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      exitStatus = 1
      stream.complain(`${name}: ${shownName(operand)}: ${reasonOf(error, name, stream)}`)
    }
  }
  const hashOne = (operand: string): Promise<void> =>
    complaining(operand, async () => {
      const digest =
        operand === '-'
          ? await hashInput(stream, createHash(algorithm))
          : await hashFile(fs, operand, algorithm, stream)
      await stream.write(Buffer.from(hashLine(digest, operand, binary), 'latin1'))
    })
  if (operands.length === 0) await hashOne('-')
  for (const word of operands) {
    await complaining(word.text, async () => {
      for (const operand of await expand(fs, word)) {
        // Nobody is left to read it.
        if (!stream.lost) await hashOne(operand)
      }
    })
  }
  return stream.lost ? 1 : exitStatus
}

/** coreutils' line: a backslash in front says that the name is escaped, as a line cannot hold it otherwise. */
export function hashLine(digest: Buffer, name: string, binary: boolean): string {
  const escaped = name.replace(/[\\\n\r]/g, (char) => (char === '\\' ? '\\\\' : char === '\n' ? '\\n' : '\\r'))
  return `${escaped === name ? '' : '\\'}${digest.toString('hex')} ${binary ? '*' : ' '}${escaped}\n`
}

async function hashInput(stream: CommandStream, hash: HashStream): Promise<Buffer> {
  for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) await hash.update(chunk)
  if (!stream.lost) return hash.digest()
  hash.discard()
  throw new FsError('failure', 'The client is gone')
}

async function hashFile(
  fs: FileSystem,
  name: string,
  algorithm: HashAlgorithm,
  stream: CommandStream,
): Promise<Buffer> {
  const file = await fs.open(virtualPath(name), FOR_READING, {})
  const hashing = file.digest(algorithm, 0, Number.MAX_SAFE_INTEGER)
  const outcome = await Promise.race([Promise.allSettled([hashing]), stream.gone])
  // Nobody waits for it any more: aborting cuts it short.
  if (outcome === undefined) {
    await file.abort()
    throw new FsError('failure', 'The client is gone')
  }
  const [{ status }] = outcome
  if (status === 'fulfilled') await file.close()
  else await file.abort()
  return hashing
}

/** A plain name as it is, another one in quotes, so that its end shows; one line in any case. */
function shownName(name: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(name)) return name
  return `'${name.replace(/[^ -~\x80-\xff]/g, '?').replaceAll("'", "'\\''")}'`
}
