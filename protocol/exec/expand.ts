import { FsError, virtualPath } from '../filesystem.ts'
import type { FileSystem } from '../filesystem.ts'
import { S_IF } from '../sftp/constants.ts'
import { matches, unescaped } from './glob.ts'
import type { Word } from './words.ts'

/** Names read from a directory at a time. */
const BATCH = 256
/** Names that one word may become, as what they take is kept until all are known. */
export const MAX_MATCHES = 100_000

/**
 * The names a word stands for, as a shell expands it: every path that matches, sorted by bytes; the word
 * itself where none does, or where the account may not look.
 * @throws FsError `failure` over {@link MAX_MATCHES}.
 */
export async function expand(fs: FileSystem, { text, pattern }: Word): Promise<string[]> {
  if (pattern === undefined) return [text]
  const [start, ...components] = pattern.split('/')
  let found = start === '' ? ['/'] : await children(fs, [''], start as string)
  for (const component of components) found = await children(fs, found, component)
  return found.length > 0 ? found.toSorted() : [text]
}

async function children(fs: FileSystem, parents: readonly string[], component: string): Promise<string[]> {
  // Two slashes in a row mean one; a slash at the end asks for a directory.
  if (component === '') {
    const there = await Promise.all(parents.map((path) => isDirectory(fs, path)))
    return parents.filter((_, index) => there[index]).map((path) => (path.endsWith('/') ? path : `${path}/`))
  }
  const join = (parent: string, name: string): string =>
    parent === '' || parent.endsWith('/') ? `${parent}${name}` : `${parent}/${name}`
  const literal = unescaped(component)
  if (!/[*?[]/.test(component.replace(/\\[\s\S]/g, ''))) {
    const joined = parents.map((parent) => join(parent, literal))
    const there = await Promise.all(joined.map((path) => exists(fs, path)))
    return joined.filter((_, index) => there[index])
  }
  const found: string[] = []
  for (const parent of parents) {
    for await (const name of names(fs, parent)) {
      if (matches(component, name)) found.push(join(parent, name))
      if (found.length > MAX_MATCHES) throw new FsError('failure', `More than ${MAX_MATCHES} names match`)
    }
  }
  return found
}

async function* names(fs: FileSystem, path: string): AsyncGenerator<string, void> {
  const directory = await quietly(() => fs.opendir(virtualPath(path)))
  if (directory === undefined) return
  try {
    for (;;) {
      const entries = await quietly(() => directory.read(BATCH))
      if (entries === undefined || entries.length === 0) return
      for (const { filename } of entries) yield filename
    }
  } finally {
    await directory.close()
  }
}

async function exists(fs: FileSystem, path: string): Promise<boolean> {
  return (await quietly(() => fs.lstat(virtualPath(path)))) !== undefined
}

async function isDirectory(fs: FileSystem, path: string): Promise<boolean> {
  const attrs = await quietly(() => fs.stat(virtualPath(path)))
  return ((attrs?.permissions ?? 0) & S_IF.MT) === S_IF.DIR
}

/** A shell takes what it may not look into for empty; whoever uses the word then says what is wrong with it. */
async function quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof FsError) return undefined
    throw error
  }
}
