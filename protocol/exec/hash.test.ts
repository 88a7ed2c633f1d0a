import { describe, expect, test } from 'vitest'
import { FsError } from '../filesystem.ts'
import type { HashAlgorithm } from '../filesystem.ts'
import { MemoryStream } from '../testing/command-stream.ts'
import { MemoryFileSystem, fakeDigest } from '../testing/memory-filesystem.ts'
import { hashFiles, hashLine, parseHash } from './hash.ts'
import type { HashStream } from './hash.ts'
import { BadCommand, splitWords } from './words.ts'

const hex = (contents: string, algorithm: HashAlgorithm = 'md5'): string =>
  fakeDigest(algorithm, Buffer.from(contents)).toString('hex')

function fakeHash(algorithm: HashAlgorithm): HashStream {
  const chunks: Buffer[] = []
  return {
    update: async (chunk) => void chunks.push(Buffer.from(chunk)),
    digest: async () => fakeDigest(algorithm, Buffer.concat(chunks)),
    discard: () => undefined,
  }
}

function filled(): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'one')
  fs.addFile('/b c', 'two')
  fs.addFile('/-', 'three')
  fs.addDirectory('/d')
  fs.addFile('/d/x', 'four')
  return fs
}

async function run(line: string, input = '', fs = filled()) {
  const stream = new MemoryStream()
  stream.send(input)
  stream.end()
  const command = parseHash('md5sum', splitWords(line))
  const exit = await hashFiles({ fs, command, stream, createHash: fakeHash })
  expect(fs.opened.every(({ ends }) => ends.length === 1)).toBe(true)
  return { exit, out: stream.received(), err: stream.complaints }
}

describe('what is printed', () => {
  test.each<[string, string]>([
    ['a', `${hex('one')}  a\n`],
    ['/a', `${hex('one')}  /a\n`],
    ['d/../a', `${hex('one')}  d/../a\n`],
    ["a 'b c' d/x", `${hex('one')}  a\n${hex('two')}  b c\n${hex('four')}  d/x\n`],
    ['-b a', `${hex('one')} *a\n`],
    ['a --binary -t', `${hex('one')}  a\n`],
    ['-- a', `${hex('one')}  a\n`],
    ['', `${hex('input')}  -\n`],
    ['-', `${hex('input')}  -\n`],
    ['a -', `${hex('one')}  a\n${hex('input')}  -\n`],
    ['./-', `${hex('three')}  ./-\n`],
    ['[ab]*', `${hex('one')}  a\n${hex('two')}  b c\n`],
  ])('%j', async (line, out) => expect(await run(line, 'input')).toEqual({ exit: 0, out, err: [] }))

  test('standard input of any length, in pieces', async () => {
    const stream = new MemoryStream()
    const command = parseHash('sha512sum', [])
    const exit = hashFiles({ fs: filled(), command, stream, createHash: fakeHash })
    for (let count = 0; count < 100; count++) stream.send('x'.repeat(1000))
    stream.end()
    expect(await exit).toBe(0)
    expect(stream.received()).toBe(`${hex('x'.repeat(100_000), 'sha512')}  -\n`)
  })

  test.each([
    ['plain', 'ab  plain\n'],
    ['back\\slash', '\\ab  back\\\\slash\n'],
    ['two\nlines', '\\ab  two\\nlines\n'],
    ['return\r', '\\ab  return\\r\n'],
    ['tab\t', 'ab  tab\t\n'],
  ])('a name like %j is escaped as coreutils does', (name, line) => {
    expect(hashLine(Buffer.of(0xab), name, false)).toBe(line)
  })
})

describe('what goes wrong is said on standard error, and the rest goes on', () => {
  test.each<[string, string, string[]]>([
    ['missing a', `${hex('one')}  a\n`, ['md5sum: missing: No such file or directory']],
    ['d a', `${hex('one')}  a\n`, ['md5sum: d: Is a directory']],
    ["'miss ing'", '', ["md5sum: 'miss ing': No such file or directory"]],
    ["'a\nb\x1b[2J'", '', ["md5sum: 'a?b?[2J': No such file or directory"]],
  ])('%j', async (line, out, err) => expect(await run(line)).toEqual({ exit: 1, out, err }))

  test('no permission to read', async () => {
    const fs = filled()
    fs.hooks.fail('open', new FsError('permission', 'Permission denied'))
    expect(await run('a d/x', '', fs)).toEqual({
      exit: 1,
      out: `${hex('four')}  d/x\n`,
      err: ['md5sum: a: Permission denied'],
    })
  })

  test('a file that cannot be read to its end', async () => {
    const fs = filled()
    fs.hooks.fail('file.digest', new FsError('failure', 'Input/output error'))
    expect(await run('a', '', fs)).toMatchObject({ exit: 1, out: '', err: ['md5sum: a: Input/output error'] })
    expect(fs.opened[0]?.ends).toEqual(['abort'])
  })
})

test.each(['-c', '--check', '-x', '--tag'])('%s is refused', (option) => {
  expect(() => parseHash('md5sum', splitWords(option))).toThrow(BadCommand)
})

test('a client that vanishes ends the hash under way, and none begins', async () => {
  const fs = filled()
  const held = fs.hooks.hold('file.digest')
  const stream = new MemoryStream()
  const command = parseHash('md5sum', splitWords('a d/x'))
  const exit = hashFiles({ fs, command, stream, createHash: fakeHash })
  await held.entered
  stream.vanish()
  expect(await exit).toBe(1)
  expect(fs.opened).toEqual([{ path: '/a', ends: ['abort'] }])
  held.release()
})
