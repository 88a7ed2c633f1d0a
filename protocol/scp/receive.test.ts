import { describe, expect, test } from 'vitest'
import { splitWords } from '../exec/words.ts'
import { FsError } from '../filesystem.ts'
import { MemoryStream } from '../testing/command-stream.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { parseScp } from './command-line.ts'
import { receiveFiles } from './receive.ts'

interface Played {
  exit: number
  received: string
  fs: MemoryFileSystem
  stream: MemoryStream
}

/** Sends everything at once, then ends: the machine waits for nobody who does not wait for it. */
async function play(line: string, sent: string, fs = new MemoryFileSystem()): Promise<Played> {
  const stream = new MemoryStream()
  stream.send(sent)
  stream.end()
  const exit = await receiveFiles(fs, parseScp(splitWords(line)), stream)
  expect(fs.opened.every(({ ends }) => ends.length === 1)).toBe(true)
  return { exit, received: stream.received(), fs, stream }
}

function filesOf(fs: MemoryFileSystem): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fs.tree()).map(([path, node]) => [path, node.kind === 'file' ? node.contents : node.kind]),
  )
}

function withTree(): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addDirectory('/dir')
  fs.addFile('/old', 'old contents')
  return fs
}

describe('where a file goes', () => {
  test.each<[string, string, string]>([
    ['a directory: into it', '-t dir', '/dir/a'],
    ['the root: into it', '-t .', '/a'],
    ['the root by its name', '-t /', '/a'],
    ['a directory with a slash', '-t dir/', '/dir/a'],
    ['a new name', '-t new', '/new'],
    ['a quoted name', "-t 'new name'", '/new name'],
    ['an existing file', '-t old', '/old'],
    ['-d and a directory', '-d -t dir', '/dir/a'],
    ['the home', '-t ~', '/a'],
    ['dots above the root', '-t ../../dir', '/dir/a'],
    ['behind --', '-t -- -r', '/-r'],
    ['clustered flags', '-vrpt dir', '/dir/a'],
  ])('%s', async (_, line, path) => {
    const { exit, received, fs } = await play(line, 'C0644 5 a\nhello\0', withTree())
    expect({ exit, received }).toEqual({ exit: 0, received: '\0\0\0' })
    expect(fs.contents(path)).toBe('hello')
  })

  test('several files in one session', async () => {
    const { exit, fs } = await play('-d -t dir', 'C0644 1 a\nx\0C0644 0 b\n\0C0600 2 c d\nyz\0', withTree())
    expect(exit).toBe(0)
    expect(filesOf(fs)).toMatchObject({ '/dir/a': 'x', '/dir/b': '', '/dir/c d': 'yz' })
  })

  test('a tree, then a file beside it', async () => {
    const sent = 'D0755 0 t\nC0644 1 a\nx\0D0700 0 u\nE\nC0644 1 b\ny\0E\nC0644 1 c\nz\0'
    const { exit, received, fs } = await play('-r -t dir', sent, withTree())
    expect({ exit, received }).toEqual({ exit: 0, received: '\0'.repeat(11) })
    expect(filesOf(fs)).toMatchObject({ '/dir/t/a': 'x', '/dir/t/u': 'directory', '/dir/t/b': 'y', '/dir/c': 'z' })
  })

  test('a directory under a new name', async () => {
    const { exit, fs } = await play('-r -t new', 'D0755 0 t\nC0644 1 a\nx\0E\n')
    expect(exit).toBe(0)
    expect(filesOf(fs)).toEqual({ '/new': 'directory', '/new/a': 'x' })
  })

  test('an existing directory is gone into', async () => {
    const { exit, fs } = await play('-r -t .', 'D0755 0 dir\nC0644 1 a\nx\0E\n', withTree())
    expect(exit).toBe(0)
    expect(filesOf(fs)).toMatchObject({ '/dir/a': 'x' })
  })

  test('one byte at a time it is the same', async () => {
    const stream = new MemoryStream()
    const fs = withTree()
    for (const byte of 'T5 0 6 0\nD0755 0 t\nC0644 5 a\nhello\0E\n') stream.send(byte)
    stream.end()
    expect(await receiveFiles(fs, parseScp(splitWords('-rt dir')), stream)).toBe(0)
    expect(fs.contents('/dir/t/a')).toBe('hello')
    expect(fs.tree()['/dir/t']?.attrs.times).toEqual({ mtime: 5, atime: 6 })
  })
})

describe('an account that may not list finds out by trying', () => {
  function blind(fs: MemoryFileSystem): MemoryFileSystem {
    fs.hooks.before = ({ name }) => {
      if (name === 'stat') throw new FsError('permission', 'Permission denied')
    }
    return fs
  }

  test.each([
    ['-t dir', 'C0644 1 a\nx\0C0644 1 b\ny\0', { '/dir/a': 'x', '/dir/b': 'y' }],
    ['-t dir/', 'C0644 1 a\nx\0', { '/dir/a': 'x' }],
    ['-t new', 'C0644 1 a\nx\0', { '/new': 'x' }],
    ['-r -t dir', 'D0755 0 t\nC0644 1 a\nx\0E\n', { '/dir/t/a': 'x' }],
    ['-r -t .', 'D0755 0 dir\nC0644 1 a\nx\0E\n', { '/dir/a': 'x' }],
    ['-r -t new', 'D0755 0 t\nC0644 1 a\nx\0E\n', { '/new/a': 'x' }],
  ])('%s', async (line, sent, files) => {
    const { exit, fs } = await play(line, sent, blind(withTree()))
    expect(exit).toBe(0)
    expect(filesOf(fs)).toMatchObject(files)
  })
})

describe('modes and times', () => {
  const attrsAt = async (line: string, sent: string, path: string, fs = withTree()) => {
    const { exit } = await play(line, sent, fs)
    expect(exit).toBe(0)
    const { permissions = 0, times } = fs.tree()[path]?.attrs ?? {}
    return { mode: permissions & 0o7777, times }
  }

  test('setuid, setgid and sticky are not taken from a client', async () => {
    expect(await attrsAt('-t .', 'C7755 0 a\n\0', '/a')).toMatchObject({ mode: 0o755 })
    expect(await attrsAt('-pt .', 'C7755 0 a\n\0', '/a')).toMatchObject({ mode: 0o755 })
    expect(await attrsAt('-rpt .', 'D7755 0 d\nE\n', '/d')).toMatchObject({ mode: 0o755 })
  })

  test('-p brings the mode exactly, to an existing file too', async () => {
    expect(await attrsAt('-pt old', 'C0600 0 a\n\0', '/old')).toMatchObject({ mode: 0o600 })
    expect(await attrsAt('-t old', 'C0600 0 a\n\0', '/old')).toMatchObject({ mode: 0o644 })
  })

  test('times are applied after the contents', async () => {
    const times = { mtime: 1_400_000_000, atime: 1_000_000_000 }
    const line = 'T1400000000 0 1000000000 0\n'
    expect(await attrsAt('-pt .', `${line}C0644 1 a\nx\0`, '/a')).toEqual({ mode: 0o644, times })
    expect(await attrsAt('-rpt .', `${line}D0755 0 d\nC0644 1 a\nx\0E\n`, '/d')).toEqual({ mode: 0o755, times })
  })

  test('times are for what comes right behind them', async () => {
    const fs = withTree()
    await attrsAt('-pt .', 'T5 0 6 0\nC0644 0 a\n\0C0644 0 b\n\0', '/a', fs)
    expect(fs.tree()['/b']?.attrs.times).not.toEqual({ mtime: 5, atime: 6 })
  })

  test('a directory that its owner may not write gets its mode when it is full', async () => {
    expect(await attrsAt('-rt .', 'D0555 0 d\nC0644 1 a\nx\0E\n', '/d')).toMatchObject({ mode: 0o555 })
  })
})

describe('what cannot be done is said, and the rest goes on', () => {
  test('no permission for one file of many', async () => {
    const fs = withTree()
    fs.hooks.before = ({ name, path }) => {
      if (name === 'open' && path === '/b') throw new FsError('permission', 'Permission denied')
    }
    // A client that was refused sends no contents.
    const { exit, received } = await play('-t .', 'C0644 1 a\nx\0C0644 100000 b\nC0644 1 c\nz\0', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\0\x01scp: /b: Permission denied\n\0\0' })
    expect(filesOf(fs)).toMatchObject({ '/a': 'x', '/c': 'z' })
  })

  test('a small file is taken before it is open, and refused behind its bytes', async () => {
    const fs = withTree()
    fs.hooks.before = ({ name, path }) => {
      if (name === 'open' && path === '/b') throw new FsError('permission', 'Permission denied')
    }
    const { exit, received } = await play('-t .', 'C0644 1 a\nx\0C0644 1 b\ny\0C0644 1 c\nz\0', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\0\0\x01scp: /b: Permission denied\n\0\0' })
    expect(filesOf(fs)).toEqual({ '/a': 'x', '/c': 'z', '/dir': 'directory', '/old': 'old contents' })
  })

  test('a small file that is refused, and its source gives up as well', async () => {
    for (const end of ['\x01no\n', '\x02no\n', 'x', '']) {
      const fs = withTree()
      fs.hooks.fail('open', new FsError('permission', 'Permission denied'))
      expect(await play('-t .', `C0644 1 b\ny${end}`, fs)).toMatchObject({ exit: 1 })
      expect(fs.opened).toEqual([])
    }
  })

  test('a full disk fails the file, after all its bytes', async () => {
    const fs = withTree()
    fs.hooks.fail('file.write', new FsError('no-space', 'No space left on device'))
    const { exit, received } = await play('-t .', 'C0644 5 a\nhello\0C0644 1 b\nx\0', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\x01scp: /a: No space left on device\n\0\0' })
    expect(fs.opened.map(({ path, ends }) => [path, ends])).toEqual([
      ['/a', ['abort']],
      ['/b', ['close']],
    ])
  })

  test('a file that cannot be closed', async () => {
    const fs = withTree()
    fs.hooks.fail('file.close', new FsError('quota', 'Disk quota exceeded'))
    expect(await play('-t .', 'C0644 1 a\nx\0', fs)).toMatchObject({
      exit: 1,
      received: '\0\0\x01scp: /a: Disk quota exceeded\n',
    })
  })

  test('times that may not be set: the file stays', async () => {
    const fs = withTree()
    fs.hooks.fail('file.setstat', new FsError('permission', 'Permission denied'))
    const { exit, received } = await play('-pt .', 'T5 0 6 0\nC0644 1 a\nx\0', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\0\x01scp: /a: Permission denied\n' })
    expect(fs.opened[0]?.ends).toEqual(['close'])
  })

  test('a directory that cannot be made, whose contents the client then skips', async () => {
    const fs = withTree()
    fs.hooks.fail('mkdir', new FsError('permission', 'Permission denied'))
    const { exit, received } = await play('-rt .', 'D0755 0 t\nC0644 1 a\nx\0', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\x01scp: /t: Permission denied\n\0\0' })
    expect(filesOf(fs)).toMatchObject({ '/a': 'x' })
  })

  test('a directory over a file, and a file over a directory', async () => {
    expect(await play('-rt .', 'D0755 0 old\n', withTree())).toMatchObject({
      exit: 1,
      received: '\0\x01scp: /old: Not a directory\n',
    })
    expect(await play('-t .', 'C0644 100000 dir\n', withTree())).toMatchObject({
      exit: 1,
      received: '\0\x01scp: /dir: Is a directory\n',
    })
  })

  test('the disk fails in a way that only the log should know', async () => {
    const fs = withTree()
    fs.hooks.fail('open', new Error('EIO /srv/secret'))
    const { exit, received, stream } = await play('-t .', 'C0644 100000 a\n', fs)
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\x01scp: /a: Internal error\n' })
    expect(stream.reports).toMatchObject([{ error: { message: 'EIO /srv/secret' } }])
  })

  test('control characters in a name: that name alone is refused', async () => {
    const { exit, received, fs } = await play('-t .', 'C0644 1 a\x1b[2J\nC0644 1 b\nx\0', withTree())
    expect({ exit, received }).toEqual({
      exit: 1,
      received: '\0\x01scp: a?[2J: a name cannot hold control characters\n\0\0',
    })
    expect(filesOf(fs)).toMatchObject({ '/b': 'x' })
  })

  test('a path that becomes too long', async () => {
    const name = 'x'.repeat(4095)
    const { exit, received } = await play('-t dir', `C0644 0 ${name}\n`, withTree())
    expect(exit).toBe(1)
    expect(received.length).toBeLessThan(1024)
    expect(received).toMatch(/x: A path cannot be longer than 4095 bytes\n$/)
  })

  test('a complaint of the client in place of a record', async () => {
    const { exit, received, fs } = await play('-t .', '\x01scp: b: No such file\nC0644 1 a\nx\0', withTree())
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\0' })
    expect(filesOf(fs)).toMatchObject({ '/a': 'x' })
  })

  test('a file that its source could not read to the end is not kept as whole', async () => {
    const { exit, received, fs } = await play(
      '-t .',
      'C0644 5 a\nhe\0\0\0\x01scp: a: Input/output error\nC0644 0 b\n\0',
    )
    expect({ exit, received }).toEqual({ exit: 1, received: '\0\0\0\0\0' })
    expect(fs.opened.map(({ ends }) => ends)).toEqual([['abort'], ['close']])
  })
})

describe('what ends the transfer', () => {
  test.each<[string, string, string]>([
    ['a slash in a name', 'C0644 1 a/b\n', 'unexpected name: a/b'],
    ['an absolute name', 'C0644 1 /etc/passwd\n', 'unexpected name: /etc/passwd'],
    ['.', 'C0644 1 .\n', 'unexpected name: .'],
    ['..', 'D0755 0 ..\n', 'unexpected name: ..'],
    ['no name', 'C0644 1 \n', 'unexpected name: '],
    ['a directory without -r', 'D0755 0 d\n', 'received directory without -r'],
    ['an empty line', '\n', 'unexpected <newline>'],
    ['something else', 'hello\n', 'expected control record'],
    ['a line without an end', 'x'.repeat(9000), 'line too long'],
    ['a long line', `${'x'.repeat(9000)}\n`, 'line too long'],
    ['half a line', 'C0644 1', 'unfinished line'],
  ])('%s', async (name, sent, error) => {
    const line = name === '..' ? '-rt dir' : '-t dir'
    const { exit, received, fs, stream } = await play(line, sent, withTree())
    expect({ exit, received }).toEqual({ exit: 1, received: `\0\x02scp: protocol error: ${error}\n` })
    expect(stream.reports).toHaveLength(1)
    expect(filesOf(fs)).toEqual({ '/dir': 'directory', '/old': 'old contents' })
  })

  test('something else behind the contents: the file is not kept as whole', async () => {
    const { exit, received, fs } = await play('-t .', 'C0644 1 a\nxC0644')
    expect({ exit, received }).toEqual({
      exit: 1,
      received: '\0\0\x02scp: protocol error: expected the end of the file\n',
    })
    expect(fs.opened[0]?.ends).toEqual(['abort'])
  })

  test('a fatal error of the client', async () => {
    expect(await play('-t .', '\x02lost\nC0644 1 a\nx\0')).toMatchObject({ exit: 1, received: '\0' })
    const { exit, fs } = await play('-t .', 'C0644 1 a\nx\x02no\n')
    expect(exit).toBe(1)
    expect(fs.opened[0]?.ends).toEqual(['abort'])
  })

  test('-d and no directory', async () => {
    expect(await play('-d -t old', '', withTree())).toMatchObject({
      exit: 1,
      received: '\x02scp: old: Not a directory\n',
    })
    expect(await play('-d -t new', '', withTree())).toMatchObject({
      exit: 1,
      received: '\x02scp: new: Not a directory\n',
    })
  })

  test('E at the top', async () => {
    expect(await play('-rt .', 'E\nC0644 1 a\nx\0')).toMatchObject({ exit: 0, received: '\0\0' })
  })
})

test('wherever the client vanishes, what it left unfinished fails', async () => {
  const whole = 'D0755 0 t\nT5 0 6 0\nC0644 5 a\nhello\0E\n'
  for (let cut = 0; cut < whole.length; cut++) {
    const { exit, fs } = await play('-rpt .', whole.slice(0, cut))
    expect(exit, `after ${cut} bytes`).toBe(cut === 0 ? 0 : 1)
    const complete = cut >= whole.indexOf('\0') + 1
    expect(fs.opened.flatMap(({ ends }) => ends)).toEqual(
      cut <= whole.indexOf('hello') - 1 ? [] : [complete ? 'close' : 'abort'],
    )
  }
})

test('what arrives while a write is under way goes together into the next one', async () => {
  const fs = new MemoryFileSystem()
  const stream = new MemoryStream()
  const piece = 'x'.repeat(32 * 1024)
  const held = fs.hooks.hold('file.write')
  stream.send(`C0644 ${64 * piece.length} a\n`)
  for (let count = 0; count < 64; count++) stream.send(piece)
  stream.send('\0')
  stream.end()
  const exit = receiveFiles(fs, parseScp(splitWords('-t a')), stream)
  await held.entered
  await stream.idle()
  held.release()
  expect(await exit).toBe(0)
  expect(fs.contents('/a')).toHaveLength(64 * piece.length)
  expect(fs.hooks.calls.filter(({ name }) => name === 'file.write').length).toBeLessThan(40)
})
