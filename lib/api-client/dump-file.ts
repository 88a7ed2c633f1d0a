import { readFile, writeFile } from 'node:fs/promises'

/** What holds hashes of passwords is nobody else's to read, and overwrites nothing. @throws Error in one line. */
export async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'EEXIST' ? 'it exists already' : (code ?? String(error))
    throw new Error(`${path} cannot be written: ${reason}`, { cause: error })
  }
}

/** @param path `-` for `stdin`. @throws Error in one line when there is no JSON in it. */
export async function readDump(path: string, stdin: () => Promise<Buffer>): Promise<unknown> {
  const text = (path === '-' ? await stdin() : await readInput(path)).toString('utf8')
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    // The parser's own message would quote what may be a secret.
    throw new Error(`${path === '-' ? 'the standard input' : path} holds no JSON`, { cause: error })
  }
}

/** @throws Error in one line. */
export async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`${path} cannot be read: ${code === 'ENOENT' ? 'no such file' : (code ?? String(error))}`, {
      cause: error,
    })
  }
}
