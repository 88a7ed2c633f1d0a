import { access, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError } from './error.ts'
import type { Format, Parsed } from './format.ts'
import { FORMATS } from './formats.ts'
import { SyntaxProblem } from './syntax-error.ts'

/** Far above any configuration; a parser's time and memory grow faster than its text. */
export const MAX_CONFIG_BYTES = 64 * 1024

export interface Places {
  /** Relative to `cwd` or absolute. */
  configDir: string
  /** A name without directory and extension. */
  configFile: string
  cwd: string
  /** The user's home directory, if known. */
  home: string | undefined
}

/** The directories that may hold the configuration file, first found first taken. */
export function searchPath({ configDir, cwd, home }: Omit<Places, 'configFile'>): string[] {
  const shared = process.platform === 'win32' ? [] : ['/etc/sftpgo']
  const own = home === undefined || home === '' || process.platform === 'win32' ? [] : [join(home, '.config', 'sftpgo')]
  return [...new Set([resolve(cwd, configDir), ...own, ...shared, resolve(cwd)])]
}

export interface ConfigFile {
  /** Absolute. */
  file: string
  parsed: Parsed
  /** Files beside it that would be read if it were not there. */
  hidden: string[]
}

/**
 * Finds the configuration file and parses it; `undefined` when there is none.
 * @throws ConfigError for a file that exists but cannot be read, or is not written in its format.
 */
export async function readConfigFile(places: Places): Promise<ConfigFile | undefined> {
  checkName(places.configFile)
  for (const directory of searchPath(places)) {
    const candidates = FORMATS.flatMap((format) =>
      format.extensions.map((extension) => ({ format, file: join(directory, `${places.configFile}.${extension}`) })),
    )
    for (const [index, { format, file }] of candidates.entries()) {
      const text = await readIfPresent(file)
      if (text === undefined) continue
      const others = candidates.slice(index + 1).filter((other) => other.format.name !== 'envfile')
      const parsed = await parseNamed(file, format, text)
      return { file, parsed, hidden: await existing(others.map((other) => other.file)) }
    }
  }
  return undefined
}

function checkName(name: string): void {
  if (name === '' || /[/\\]/.test(name))
    throw new ConfigError(`the configuration file is given by its name inside the directory, not by a path: "${name}"`)
  const extension = FORMATS.flatMap(({ extensions }) => extensions).find((known) =>
    name.toLowerCase().endsWith(`.${known}`),
  )
  if (extension !== undefined)
    throw new ConfigError(
      `the configuration file is named without its extension: "${name.slice(0, -extension.length - 1)}", not "${name}"`,
    )
}

async function readIfPresent(file: string): Promise<string | undefined> {
  let bytes: Buffer
  try {
    bytes = await readStart(file, MAX_CONFIG_BYTES + 1)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ConfigError(`${file} cannot be read: ${code ?? 'unknown reason'}`, { cause: error })
  }
  if (bytes.length > MAX_CONFIG_BYTES)
    throw new ConfigError(`${file} is larger than ${MAX_CONFIG_BYTES} bytes, which is the most a configuration may be`)
  try {
    // Editors on Windows put a byte order mark first, which is no part of any format.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new ConfigError(`${file} is not written in UTF-8`, { cause: error })
  }
}

async function readStart(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const buffer = Buffer.alloc(bytes)
    let length = 0
    for (let more = true; more && length < bytes;) {
      const { bytesRead } = await handle.read(buffer, length, bytes - length, length)
      more = bytesRead > 0
      length += bytesRead
    }
    return buffer.subarray(0, length)
  } finally {
    await handle.close()
  }
}

async function existing(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  )
  return files.filter((_, index) => found[index])
}

async function parseNamed(file: string, { name, parse }: Format, text: string): Promise<Parsed> {
  try {
    return await parse(text)
  } catch (error) {
    // What a parser says for itself may quote the text, which may hold secrets.
    const reason = error instanceof SyntaxProblem ? error.message : `cannot be read as ${name}`
    throw new ConfigError(`${file}: ${reason}`, { cause: error })
  }
}
