import { expect, test } from 'vitest'
import { FsError } from '../filesystem.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { expand } from './expand.ts'
import { splitWords } from './words.ts'

function filled(): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  for (const directory of ['/d', '/d/e', '/x']) fs.addDirectory(directory)
  for (const file of ['/b.txt', '/a.txt', '/.hidden.txt', '/c.bin', '/d/a.txt', '/d/e/z.txt', '/x/a.txt'])
    fs.addFile(file)
  fs.addFile('/*')
  return fs
}

async function expanded(line: string, fs = filled()): Promise<string[]> {
  const words = await Promise.all(splitWords(line).map((word) => expand(fs, word)))
  expect(fs.opened.every(({ ends }) => ends.length === 1)).toBe(true)
  return words.flat()
}

test.each<[string, string[]]>([
  ['*.txt', ['a.txt', 'b.txt']],
  ['/*.txt', ['/a.txt', '/b.txt']],
  ['~/*.txt', ['/a.txt', '/b.txt']],
  ['*/a.txt', ['d/a.txt', 'x/a.txt']],
  ['*/*/*.txt', ['d/e/z.txt']],
  ['d/*', ['d/a.txt', 'd/e']],
  ['d//*', ['d/a.txt', 'd/e']],
  ['?/', ['d/', 'x/']],
  ['"d/"a*', ['d/a.txt']],
  ["'*'", ['*']],
  ['"d"/a*', ['d/a.txt']],
  ['.*.txt', ['.hidden.txt']],
  ['missing*', ['missing*']],
  ["'missing '*", ['missing *']],
  ['missing/*', ['missing/*']],
  ['plain missing', ['plain', 'missing']],
  ['../*.bin', ['../c.bin']],
])('%s', async (line, expected) => expect(await expanded(line)).toEqual(expected))

test('where the account may not look, the word stays as it is', async () => {
  const fs = filled()
  fs.hooks.fail('opendir', new FsError('permission', 'no'))
  expect(await expanded('*.txt', fs)).toEqual(['*.txt'])
})
