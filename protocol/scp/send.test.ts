import { describe, expect, test } from 'vitest'
import { splitWords } from '../exec/words.ts'
import { FsError, virtualPath } from '../filesystem.ts'
import { BufferPool } from '../sftp/buffer-pool.ts'
import { MemoryStream } from '../testing/command-stream.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { parseScp } from './command-line.ts'
import { sendFiles } from './send.ts'

interface Played {
  exit: number
  received: string
  fs: MemoryFileSystem
  stream: MemoryStream
}

/** A client that says all of `answers` at once and then nothing more: fine, unless told otherwise. */
async function play(line: string, fs: MemoryFileSystem, answers = '\0'.repeat(1000)): Promise<Played> {
  const stream = new MemoryStream()
  stream.send(answers)
  stream.end()
  const buffers = new BufferPool(256 * 1024, 2)
  const command = parseScp(splitWords(line))
  const exit = await sendFiles({ fs, command, stream, rootName: 'alice', buffers })
  expect(fs.opened.every(({ ends }) => ends.length === 1)).toBe(true)
  return { exit, received: stream.received(), fs, stream }
}

function withTree(): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'hello')
  fs.addFile('/b c', '')
  fs.addDirectory('/d')
  fs.addFile('/d/x', '12')
  fs.addDirectory('/d/e')
  fs.addFile('/d/e/y', '3')
  return fs
}

describe('what is sent', () => {
  test.each<[string, string]>([
    ['-f a', 'C0644 5 a\nhello\0'],
    ["-f 'b c'", 'C0644 0 b c\n\0'],
    ['-f d/x', 'C0644 2 x\n12\0'],
    ['-f /d/../a', 'C0644 5 a\nhello\0'],
    ['-f a d/x', 'C0644 5 a\nhello\0C0644 2 x\n12\0'],
    ['-f d/* a', 'C0644 2 x\n12\0C0644 5 a\nhello\0'],
    ['-p -f a', 'T0 0 0 0\nC0644 5 a\nhello\0'],
    ['-rf d', 'D0755 0 d\nD0755 0 e\nC0644 1 y\n3\0E\nC0644 2 x\n12\0E\n'],
    ['-rpf d/e', 'T0 0 0 0\nD0755 0 e\nT0 0 0 0\nC0644 1 y\n3\0E\n'],
    ['-rf d/', 'D0755 0 d\nD0755 0 e\nC0644 1 y\n3\0E\nC0644 2 x\n12\0E\n'],
  ])('%s', async (line, expected) => {
    if (line === '-f d/* a') {
      const { exit, received } = await play(line, withTree())
      expect({ exit, received }).toEqual({
        exit: 1,
        received: `\x01scp: /d/e: Is a directory\n${expected}`,
      })
      return
    }
    const { exit, received } = await play(line, withTree())
    expect({ exit, received }).toEqual({ exit: 0, received: expected })
  })

  test('the root has the user for its name', async () => {
    const fs = new MemoryFileSystem()
    fs.addFile('/a')
    expect(await play('-rf .', fs)).toMatchObject({ exit: 0, received: 'D0755 0 alice\nC0644 0 a\n\0E\n' })
  })

  test('setuid, setgid and sticky are not told', async () => {
    const fs = withTree()
    await fs.setstat(virtualPath('/a'), { permissions: 0o7751 })
    expect((await play('-f a', fs)).received).toMatch(/^C0751 /)
  })

  test('names of any bytes but line feeds', async () => {
    const fs = new MemoryFileSystem()
    fs.addDirectory('/d')
    fs.addFile('/d/\xc5\xbc\xff')
    fs.addFile('/d/two\nlines')
    const { exit, received } = await play('-rf d', fs)
    expect(exit).toBe(1)
    expect(received).toBe(
      'D0755 0 d\n\x01scp: /d/two?lines: a name with a line feed cannot be sent\nC0644 0 \xc5\xbc\xff\n\0E\n',
    )
  })

  test('a big file comes in pieces', async () => {
    const fs = new MemoryFileSystem()
    const contents = Buffer.alloc(1_000_003, 'abcdefg')
    fs.addFile('/big', contents)
    const { exit, received } = await play('-f big', fs)
    expect(exit).toBe(0)
    expect(received === `C0644 1000003 big\n${contents.toString('latin1')}\0`).toBe(true)
  })
})

describe('links are followed', () => {
  test('to a file, to a directory', async () => {
    const fs = withTree()
    fs.addDirectory('/l')
    fs.addLink('/l/file', '/a')
    fs.addLink('/l/tree', '../d/e')
    expect(await play('-rf l', fs)).toMatchObject({
      exit: 0,
      received: 'D0755 0 l\nC0644 5 file\nhello\0D0755 0 tree\nC0644 1 y\n3\0E\nE\n',
    })
  })

  test('nowhere: that one is missing', async () => {
    const fs = new MemoryFileSystem()
    fs.addDirectory('/l')
    fs.addLink('/l/a', 'nowhere')
    fs.addFile('/l/b')
    expect(await play('-rf l', fs)).toMatchObject({
      exit: 1,
      received: 'D0755 0 l\n\x01scp: /l/a: No such file or directory\nC0644 0 b\n\0E\n',
    })
  })

  test.each([
    ['itself', '.'],
    ['its parent', '..'],
    ['the root', '/'],
  ])('in a circle, to %s: it ends', async (_, target) => {
    const fs = withTree()
    fs.addLink('/d/e/round', target)
    const { exit, received } = await play('-rf /', fs)
    expect(exit).toBe(1)
    expect(received).toContain('\x01scp: /d/e/round: The directory is inside itself\n')
  })
})

describe('what cannot be sent is said, and the rest goes on', () => {
  test.each<[string, string]>([
    ['-f missing a', '\x01scp: /missing: No such file or directory\nC0644 5 a\nhello\0'],
    ['-f d a', '\x01scp: /d: Is a directory\nC0644 5 a\nhello\0'],
    ['-rf missing', '\x01scp: /missing: No such file or directory\n'],
  ])('%s', async (line, received) => expect(await play(line, withTree())).toMatchObject({ exit: 1, received }))

  test('no permission to read one of many', async () => {
    const fs = withTree()
    fs.hooks.before = ({ name, path }) => {
      if (name === 'open' && path === '/d/e/y') throw new FsError('permission', 'Permission denied')
      if (name === 'opendir' && path === '/d/f') throw new Error('EIO /srv')
    }
    fs.addDirectory('/d/f')
    const { exit, received, stream } = await play('-rf d', fs)
    expect(exit).toBe(1)
    expect(received).toBe(
      'D0755 0 d\nD0755 0 e\n\x01scp: /d/e/y: Permission denied\nE\n\x01scp: /d/f: Internal error\nC0644 2 x\n12\0E\n',
    )
    expect(stream.reports).toMatchObject([{ error: { message: 'EIO /srv' } }])
  })

  test('a directory that cannot be read on', async () => {
    const fs = withTree()
    fs.hooks.fail('directory.read', new FsError('failure', 'Failure'))
    expect(await play('-rf d a', fs)).toMatchObject({
      exit: 1,
      received: 'D0755 0 d\n\x01scp: /d: Failure\nE\nC0644 5 a\nhello\0',
    })
  })

  test('a file that shrinks: the size announced, and a complaint', async () => {
    const fs = withTree()
    fs.hooks.after = async ({ name }) => {
      if (name === 'file.stat') await fs.setstat(virtualPath('/a'), { size: 2n })
    }
    const { exit, received } = await play('-f a b?c', fs)
    expect(exit).toBe(1)
    expect(received).toBe('C0644 5 a\nhe\0\0\0\x01scp: /a: the file became shorter while it was sent\nC0644 0 b c\n\0')
    expect(fs.opened.filter(({ path }) => path !== '/').map(({ ends }) => ends)).toEqual([['abort'], ['close']])
  })

  test('a file that grows: the size announced', async () => {
    const fs = withTree()
    fs.hooks.after = async ({ name }) => {
      if (name === 'file.stat') await fs.setstat(virtualPath('/a'), { size: 9n })
    }
    expect(await play('-f a', fs)).toMatchObject({ exit: 0, received: 'C0644 5 a\nhello\0' })
  })

  test('a file that cannot be read', async () => {
    const fs = withTree()
    fs.hooks.fail('file.read', new FsError('failure', 'Input/output error'))
    expect(await play('-f a', fs)).toMatchObject({
      exit: 1,
      received: 'C0644 5 a\n\0\0\0\0\0\x01scp: /a: Input/output error\n',
    })
  })
})

describe('the answers of the client', () => {
  test.each<[string, string, string, string, string[]]>([
    ['no file', '-f a d/x', '\0\x01no\n\0\0', 'C0644 5 a\nC0644 2 x\n12\0', ['abort', 'close']],
    ['no times', '-pf a d/x', '\0\x01no\n\0\0\0', 'T0 0 0 0\nT0 0 0 0\nC0644 2 x\n12\0', ['abort', 'close']],
    ['could not keep it', '-f a d/x', '\0\0\x01no\n\0\0', 'C0644 5 a\nhello\0C0644 2 x\n12\0', ['abort', 'close']],
    ['no directory', '-rf d a', '\0\x01no\n\0\0', 'D0755 0 d\nC0644 5 a\nhello\0', ['close', 'close']],
    ['fatal', '-f a d/x', '\0\x02no\n', 'C0644 5 a\n', ['abort']],
    ['fatal at once', '-f a d/x', '\x02no\n', '', []],
    ['gone at once', '-f a', '', '', []],
    ['gone', '-f a', '\0\0', 'C0644 5 a\nhello\0', ['abort']],
    ['something else', '-f a', '\0x', 'C0644 5 a\n\x02scp: protocol error: expected an answer\n', ['abort']],
    ['too long', '-f a', `\0\x01${'x'.repeat(9000)}`, 'C0644 5 a\n\x02scp: protocol error: line too long\n', ['abort']],
  ])('%s', async (_, line, answers, expected, ends) => {
    const { exit, received, fs } = await play(line, withTree(), answers)
    expect({ exit, received }).toEqual({ exit: 1, received: expected })
    expect(fs.opened.flatMap((opened) => opened.ends)).toEqual(ends)
  })

  test('a client that vanishes in the middle of a file ends it', async () => {
    const fs = new MemoryFileSystem()
    fs.addFile('/big', Buffer.alloc(1_000_000))
    const stream = new MemoryStream()
    stream.send('\0\0')
    fs.hooks.after = ({ name }) => {
      if (name === 'file.read') stream.vanish()
    }
    const command = parseScp(splitWords('-f big'))
    const options = { fs, command, stream, rootName: 'alice', buffers: new BufferPool(64 * 1024, 2) }
    expect(await sendFiles(options)).toBe(1)
    expect(fs.hooks.calls.filter(({ name }) => name === 'file.read')).toHaveLength(1)
    expect(fs.opened.map(({ ends }) => ends)).toEqual([['abort']])
  })

  test('a client that vanishes in the middle of a tree ends it', async () => {
    const fs = withTree()
    const stream = new MemoryStream()
    stream.send('\0\0\0')
    stream.vanish()
    const command = parseScp(splitWords('-rf d'))
    const exit = await sendFiles({ fs, command, stream, rootName: 'alice', buffers: new BufferPool(64 * 1024, 2) })
    expect(exit).toBe(1)
    expect(fs.opened.every(({ ends }) => ends.length === 1)).toBe(true)
  })
})

test('deep trees need no recursion, and have an end', async () => {
  const fs = new MemoryFileSystem()
  let path = ''
  for (let depth = 0; depth < 510; depth++) fs.addDirectory((path += '/d'))
  const { exit, received } = await play('-rf d', fs, '\0'.repeat(2000))
  expect(exit).toBe(1)
  expect(received.match(/^D0755 0 d$/gm)).toHaveLength(500)
  expect(received).toContain('More than 500 directories deep')
  expect(received.match(/^E$/gm)).toHaveLength(500)
})
