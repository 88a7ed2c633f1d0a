import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError } from './error.ts'
import { parseJson } from './json.ts'

export interface Format {
  /** Without the dot. */
  extension: string
  /** @throws Error whose message names the place and never quotes the text, which may hold secrets. */
  parse: (text: string) => unknown
}

/** The formats that are searched for, in this order in each directory. */
export const FORMATS: readonly Format[] = [{ extension: 'json', parse: parseJson }]

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

/**
 * Finds the configuration file and parses it; `undefined` when there is none.
 * @throws ConfigError for a file that exists but cannot be read, or is not written in its format.
 */
export async function readConfigFile(places: Places): Promise<{ file: string; content: unknown } | undefined> {
  checkName(places.configFile)
  for (const directory of searchPath(places))
    for (const { extension, parse } of FORMATS) {
      const file = join(directory, `${places.configFile}.${extension}`)
      const text = await readIfPresent(file)
      if (text !== undefined) return { file, content: parseNamed(file, parse, text) }
    }
  return undefined
}

function checkName(name: string): void {
  if (name === '' || /[/\\]/.test(name))
    throw new ConfigError(`the configuration file is given by its name inside the directory, not by a path: "${name}"`)
  const extension = FORMATS.find((format) => name.toLowerCase().endsWith(`.${format.extension}`))?.extension
  if (extension !== undefined)
    throw new ConfigError(
      `the configuration file is named without its extension: "${name.slice(0, -extension.length - 1)}", not "${name}"`,
    )
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    // Editors on Windows put a byte order mark first, which is no part of any format.
    return (await readFile(file, 'utf8')).replace(/^\ufeff/, '')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ConfigError(`${file} cannot be read: ${code ?? 'unknown reason'}`, { cause: error })
  }
}

function parseNamed(file: string, parse: Format['parse'], text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new ConfigError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
