import fs from 'node:fs'
import { hashFiles, parseHash } from '../../protocol/exec/hash.ts'
import { splitWords } from '../../protocol/exec/words.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import { parseScp } from '../../protocol/scp/command-line.ts'
import { receiveFiles } from '../../protocol/scp/receive.ts'
import { sendFiles } from '../../protocol/scp/send.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { SSH_FX, SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { RequestKind, Response, ResponseKind, ResponseOf } from '../../protocol/sftp/packets.ts'
import type { Unnumbered } from '../../protocol/testing/client.ts'
import { MemoryStream } from '../../protocol/testing/command-stream.ts'
import { MemorySession } from '../../protocol/testing/session.ts'
import type { Permission } from '../accounts/user.ts'
import { inlineHasher } from '../hashing/hasher.ts'
import { createMemory } from '../sshd/memory.ts'
import { isRoot } from './sandbox.test.support.ts'
import type { Sandbox, Tree } from './sandbox.test.support.ts'

/** One thing a client can do. A row of the table in PERMISSIONS.md, which the walk proves. */
export interface Operation {
  surface: 'SFTP' | 'SCP' | 'exec'
  name: string
  /** All it needs, and nothing it does not. */
  needs: readonly Permission[]
  /** What {@link view} shows otherwise when it is done, by path; `gone` for what is no longer there. */
  changes: Readonly<Record<string, string>>
  run(account: FileSystem): Promise<Outcome>
}

/** Anything else that went wrong is thrown. */
export type Outcome = 'done' | 'denied'

/** The home that every operation finds. */
export const PLANTED: Tree = { f: 'text', g: 'other', 'd/': '', 'e/x': 'deep', l: { link: 'f' } }

/** What is below the home, by path: modes, owners other than the tests', times that a test has set, contents. */
export function view(box: Sandbox): Record<string, string> {
  return Object.fromEntries(
    box.names().map((path) => {
      const stats = fs.lstatSync(box.host(path))
      const mode = (stats.mode & 0o7777).toString(8)
      const owner =
        stats.uid === process.getuid?.() && stats.gid === process.getgid?.() ? '' : ` of ${stats.uid}:${stats.gid}`
      const time = stats.mtimeMs < 1e9 ? ` at ${stats.mtimeMs / 1000}` : ''
      if (stats.isSymbolicLink()) return [path, `-> ${fs.readlinkSync(box.host(path))}${owner}${time}`]
      const what = stats.isDirectory() ? `dir ${mode}` : `${mode} ${JSON.stringify(box.text(path))}`
      return [path, `${what}${owner}${time}`]
    }),
  )
}

const OWNER = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const OF = isRoot ? ' of 1234:4321' : ''
const TIMES = { atime: 1, mtime: 2 }
const EVERYTHING: Attrs = { size: 2n, permissions: 0o600, owner: OWNER, times: TIMES }
const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = SSH_FXF
const HASHED = { algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 }

export const OPERATIONS: readonly Operation[] = [
  {
    ...sftp('OPEN and READ a file', async (client) => client.read(await client.open('/f', READ))),
    needs: ['download'],
    changes: {},
  },
  {
    ...sftp('OPEN and WRITE a new file', async (client) => client.write(await client.open('/n', WRITE | CREAT | EXCL))),
    needs: ['upload'],
    changes: { '/n': '644 "XY"' },
  },
  {
    ...sftp('OPEN and WRITE an existing file', async (client) => client.write(await client.open('/f', WRITE))),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "XYxt"' },
  },
  {
    ...sftp('… through a link', async (client) => client.write(await client.open('/l', WRITE | CREAT))),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "XYxt"' },
  },
  {
    ...sftp('… appending', async (client) => client.write(await client.open('/f', WRITE | APPEND))),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "textXY"' },
  },
  {
    ...sftp('… truncating it', (client) => client.open('/f', WRITE | CREAT | TRUNC)),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 ""' },
  },
  {
    ...sftp('OPEN an existing file to read and write', (client) => client.open('/f', READ | WRITE)),
    needs: ['download', 'upload', 'overwrite'],
    changes: {},
  },
  {
    ...sftp('OPEN a file to read, truncating it', (client) => client.open('/f', READ | TRUNC)),
    needs: ['download', 'upload', 'overwrite'],
    changes: { '/f': '644 ""' },
  },
  {
    ...sftp('OPEN a new file to read', (client) => client.open('/n', READ | CREAT)),
    needs: ['download', 'upload'],
    changes: { '/n': '644 ""' },
  },
  {
    ...sftp('OPENDIR and READDIR', async (client) =>
      client.ask('name', { kind: 'readdir', handle: await client.handle({ kind: 'opendir', path: '/e' }) }),
    ),
    needs: ['list'],
    changes: {},
  },
  { ...sftp('STAT', (client) => client.ask('attrs', { kind: 'stat', path: '/f' })), needs: ['list'], changes: {} },
  { ...sftp('LSTAT', (client) => client.ask('attrs', { kind: 'lstat', path: '/l' })), needs: ['list'], changes: {} },
  {
    ...sftp('READLINK', (client) => client.ask('name', { kind: 'readlink', path: '/l' })),
    needs: ['list'],
    changes: {},
  },
  {
    ...sftp('SETSTAT of the size', (client) => client.done({ kind: 'setstat', path: '/f', attrs: { size: 2n } })),
    needs: ['overwrite'],
    changes: { '/f': '644 "te"' },
  },
  {
    ...sftp('SETSTAT of the mode', (client) =>
      client.done({ kind: 'setstat', path: '/f', attrs: { permissions: 0o600 } }),
    ),
    needs: ['chmod'],
    changes: { '/f': '600 "text"' },
  },
  {
    ...sftp('SETSTAT of the owner', (client) => client.done({ kind: 'setstat', path: '/f', attrs: { owner: OWNER } })),
    needs: ['chown'],
    changes: isRoot ? { '/f': `644 "text"${OF}` } : {},
  },
  {
    ...sftp('SETSTAT of the times', (client) => client.done({ kind: 'setstat', path: '/f', attrs: { times: TIMES } })),
    needs: ['chtimes'],
    changes: { '/f': '644 "text" at 2' },
  },
  {
    ...sftp('SETSTAT of all of them', (client) => client.done({ kind: 'setstat', path: '/l', attrs: EVERYTHING })),
    needs: ['overwrite', 'chmod', 'chown', 'chtimes'],
    changes: { '/f': `600 "te"${OF} at 2` },
  },
  {
    ...sftp('SETSTAT of none', (client) => client.done({ kind: 'setstat', path: '/f', attrs: {} })),
    needs: [],
    changes: {},
  },
  {
    ...sftp('lsetstat@openssh.com, of a link', (client) =>
      client.done({ kind: 'lsetstat', path: '/l', attrs: { owner: OWNER, times: TIMES } }),
    ),
    needs: ['chown', 'chtimes'],
    changes: { '/l': `-> f${OF} at 2` },
  },
  {
    ...sftp('lsetstat@openssh.com, of a file', (client) =>
      client.done({ kind: 'lsetstat', path: '/f', attrs: { permissions: 0o600 } }),
    ),
    needs: ['chmod'],
    changes: { '/f': '600 "text"' },
  },
  {
    ...sftp('REMOVE a file', (client) => client.done({ kind: 'remove', filename: '/f' })),
    needs: ['delete'],
    changes: { '/f': 'gone' },
  },
  {
    ...sftp('REMOVE a link', (client) => client.done({ kind: 'remove', filename: '/l' })),
    needs: ['delete'],
    changes: { '/l': 'gone' },
  },
  {
    ...sftp('MKDIR', (client) => client.done({ kind: 'mkdir', path: '/n', attrs: {} })),
    needs: ['create_dirs'],
    changes: { '/n': 'dir 755' },
  },
  {
    ...sftp('RMDIR', (client) => client.done({ kind: 'rmdir', path: '/d' })),
    needs: ['delete'],
    changes: { '/d': 'gone' },
  },
  {
    ...sftp('RENAME a file', (client) => client.done({ kind: 'rename', oldpath: '/f', newpath: '/n' })),
    needs: ['rename'],
    changes: { '/f': 'gone', '/n': '644 "text"' },
  },
  {
    ...sftp('RENAME a directory', (client) => client.done({ kind: 'rename', oldpath: '/e', newpath: '/d/n' })),
    needs: ['rename'],
    changes: { '/e': 'gone', '/e/x': 'gone', '/d/n': 'dir 755', '/d/n/x': '644 "deep"' },
  },
  {
    ...sftp('posix-rename@openssh.com to a free name', (client) =>
      client.done({ kind: 'posixRename', oldpath: '/l', newpath: '/n' }),
    ),
    needs: ['rename'],
    changes: { '/l': 'gone', '/n': '-> f' },
  },
  {
    ...sftp('posix-rename@openssh.com onto a file', (client) =>
      client.done({ kind: 'posixRename', oldpath: '/f', newpath: '/g' }),
    ),
    needs: ['overwrite', 'rename'],
    changes: { '/f': 'gone', '/g': '644 "text"' },
  },
  {
    ...sftp('posix-rename@openssh.com onto a directory', (client) =>
      client.done({ kind: 'posixRename', oldpath: '/e', newpath: '/d' }),
    ),
    needs: ['overwrite', 'rename'],
    changes: { '/e': 'gone', '/e/x': 'gone', '/d/x': '644 "deep"' },
  },
  {
    ...sftp('SYMLINK', (client) => client.done({ kind: 'symlink', targetpath: 'g', linkpath: '/n' })),
    needs: ['create_symlinks'],
    changes: { '/n': '-> g' },
  },
  {
    ...sftp('hardlink@openssh.com', (client) => client.done({ kind: 'hardlink', oldpath: '/f', newpath: '/n' })),
    needs: ['download', 'upload'],
    changes: { '/n': '644 "text"' },
  },
  {
    ...sftp('copy-data to a new file', async (client) =>
      client.copy(await client.open('/f', READ), await client.open('/n', WRITE | CREAT)),
    ),
    needs: ['download', 'upload'],
    changes: { '/n': '644 "text"' },
  },
  {
    ...sftp('copy-data to an existing file', async (client) =>
      client.copy(await client.open('/f', READ), await client.open('/g', WRITE)),
    ),
    needs: ['download', 'upload', 'overwrite'],
    changes: { '/g': '644 "textr"' },
  },
  {
    ...sftp('check-file-name', (client) =>
      client.ask('checkFileReply', { kind: 'checkFileName', filename: '/f', ...HASHED }),
    ),
    needs: ['download'],
    changes: {},
  },
  {
    ...sftp('check-file-handle, check-file', async (client) => {
      const handle = await client.open('/f', READ)
      await client.ask('checkFileReply', { kind: 'checkFileHandle', handle, ...HASHED })
      return client.ask('checkFileReply', { kind: 'checkFile', handle, ...HASHED })
    }),
    needs: ['download'],
    changes: {},
  },
  {
    ...sftp('statvfs@openssh.com', (client) => client.ask('statvfsReply', { kind: 'statvfs', path: '/f' })),
    needs: ['list'],
    changes: {},
  },
  {
    ...sftp('space-available', (client) => client.ask('spaceAvailableReply', { kind: 'spaceAvailable', path: '/f' })),
    needs: ['list'],
    changes: {},
  },
  {
    ...sftp('FSTAT, fstatvfs@openssh.com of a file that was opened to read', async (client) => {
      const handle = await client.open('/f', READ)
      await client.ask('attrs', { kind: 'fstat', handle })
      return client.ask('statvfsReply', { kind: 'fstatvfs', handle })
    }),
    needs: ['download'],
    changes: {},
  },
  {
    ...sftp('fsync@openssh.com of a file that was opened to write', async (client) =>
      client.done({ kind: 'fsync', handle: await client.open('/f', WRITE) }),
    ),
    needs: ['upload', 'overwrite'],
    changes: {},
  },
  {
    ...sftp('FSETSTAT of the size of a file that was opened to write', async (client) =>
      client.done({ kind: 'fsetstat', handle: await client.open('/f', WRITE), attrs: { size: 2n } }),
    ),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "te"' },
  },
  {
    ...sftp('FSETSTAT of the mode of a file that was opened to read', async (client) =>
      client.done({ kind: 'fsetstat', handle: await client.open('/f', READ), attrs: { permissions: 0o600 } }),
    ),
    needs: ['download', 'chmod'],
    changes: { '/f': '600 "text"' },
  },
  {
    ...sftp('… of the owner', async (client) =>
      client.done({ kind: 'fsetstat', handle: await client.open('/f', READ), attrs: { owner: OWNER } }),
    ),
    needs: ['download', 'chown'],
    changes: isRoot ? { '/f': `644 "text"${OF}` } : {},
  },
  {
    ...sftp('… of the times', async (client) =>
      client.done({ kind: 'fsetstat', handle: await client.open('/f', READ), attrs: { times: TIMES } }),
    ),
    needs: ['download', 'chtimes'],
    changes: { '/f': '644 "text" at 2' },
  },
  {
    ...sftp('REALPATH, expand-path@openssh.com', async (client) => {
      await client.ask('name', { kind: 'realpath', path: '/l' })
      return client.ask('name', { kind: 'expandPath', path: '~/l' })
    }),
    needs: [],
    changes: {},
  },
  {
    ...sftp('home-directory, limits@openssh.com, users-groups-by-id@openssh.com, vendor-id', async (client) => {
      await client.ask('name', { kind: 'homeDirectory', username: '' })
      await client.ask('limitsReply', { kind: 'limits' })
      await client.ask('usersGroupsReply', { kind: 'usersGroupsById', uids: Buffer.alloc(4), gids: Buffer.alloc(4) })
      return client.done({ kind: 'vendorId', vendor: '', product: '', version: '', build: 0n })
    }),
    needs: [],
    changes: {},
  },
  {
    ...scpUp('a new file up', '-t .', 'C0644 2 n\nXY\0'),
    needs: ['upload'],
    changes: { '/n': '644 "XY"' },
  },
  {
    ...scpUp('a file up over another', '-t f', 'C0644 2 n\nXY\0'),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "XY"' },
  },
  {
    ...scpUp('… through a link', '-t l', 'C0644 2 n\nXY\0'),
    needs: ['upload', 'overwrite'],
    changes: { '/f': '644 "XY"' },
  },
  {
    ...scpUp('a new directory up', '-r -t .', 'D0755 0 n\nE\n'),
    needs: ['create_dirs'],
    changes: { '/n': 'dir 755' },
  },
  { ...scpDown('a file down', '-f f', 'text'), needs: ['download'], changes: {} },
  { ...scpDown('… through a link', '-f l', 'text'), needs: ['download'], changes: {} },
  {
    // Who may not list has no wildcards, as in a shell where none matches.
    ...scpDown('a file down by a wildcard', '-f f*', 'text', /permission denied|No such file/i),
    needs: ['list', 'download'],
    changes: {},
  },
  {
    ...scpDown('a tree down', '-r -f e', 'deep', /permission denied|Is a directory/i),
    needs: ['list', 'download'],
    changes: {},
  },
  {
    ...exec('md5sum, sha1sum, sha256sum, sha384sum and sha512sum of a file', async (account, stream) => {
      for (const name of ['md5sum', 'sha1sum', 'sha256sum', 'sha384sum', 'sha512sum'] as const)
        await hashFiles({
          fs: account,
          command: parseHash(name, splitWords('f')),
          stream,
          createHash: inlineHasher.start,
        })
      return (
        stream
          .received()
          .split('\n')
          .filter((line) => line.endsWith(' f')).length === 5
      )
    }),
    needs: ['download'],
    changes: {},
  },
]

function scpUp(name: string, args: string, sent: string): Pick<Operation, 'surface' | 'name' | 'run'> {
  return overStream('SCP', name, async (account, stream) => {
    stream.send(sent)
    stream.end()
    return (await receiveFiles(account, parseScp(splitWords(args)), stream)) === 0
  })
}

/** @param contents of the file, somewhere in what is received. */
function scpDown(
  name: string,
  args: string,
  contents: string,
  refusal?: RegExp,
): Pick<Operation, 'surface' | 'name' | 'run'> {
  const work = async (account: FileSystem, stream: MemoryStream): Promise<boolean> => {
    stream.send('\0'.repeat(20))
    const { buffers } = createMemory()
    const exit = await sendFiles({
      fs: account,
      command: parseScp(splitWords(args)),
      stream,
      rootName: 'home',
      buffers,
    })
    if (exit !== 0) return false
    if (!stream.received().includes(contents)) throw new Error(`${name}: the contents did not come`)
    return true
  }
  return overStream('SCP', name, work, refusal)
}

function exec(
  name: string,
  work: (account: FileSystem, stream: MemoryStream) => Promise<boolean>,
): Pick<Operation, 'surface' | 'name' | 'run'> {
  return overStream('exec', name, work)
}

/** @param work resolves with whether all went well. @param refusal what a client is told that may not. */
function overStream(
  surface: Operation['surface'],
  name: string,
  work: (account: FileSystem, stream: MemoryStream) => Promise<boolean>,
  refusal = /permission denied/i,
): Pick<Operation, 'surface' | 'name' | 'run'> {
  return {
    surface,
    name,
    async run(account) {
      const stream = new MemoryStream()
      if (await work(account, stream)) return 'done'
      const said = `${stream.received()}${stream.complaints.join()}`
      if (refusal.test(said)) return 'denied'
      throw new Error(`${name}: ${JSON.stringify(said)}`)
    },
  }
}

/** An operation over SFTP, in memory. */
function sftp(name: string, work: (client: Sftp) => Promise<unknown>): Pick<Operation, 'surface' | 'name' | 'run'> {
  return {
    surface: 'SFTP',
    name,
    async run(account) {
      const client = await Sftp.start(account)
      try {
        await work(client)
        return 'done'
      } catch (error) {
        if (error instanceof Denied) return 'denied'
        throw error
      } finally {
        await client.end()
      }
    },
  }
}

class Denied extends Error {}

/** A client that takes no for an exception. */
export class Sftp {
  /** Of every request so far, whoever sent it. */
  static readonly kinds = new Set<RequestKind>()
  readonly #session: MemorySession

  private constructor(session: MemorySession) {
    this.#session = session
  }

  static async start(account: FileSystem): Promise<Sftp> {
    return new Sftp(await MemorySession.start({ fs: account }))
  }

  async end(): Promise<void> {
    await this.#session.server.end()
  }

  async ask<K extends ResponseKind>(kind: K, request: Unnumbered): Promise<ResponseOf<K>> {
    Sftp.kinds.add(request.kind)
    const reply = await this.#session.client.request(request)
    if (isOf(kind, reply)) return reply
    const { code = -1, message = reply.kind } = reply.kind === 'status' ? reply : {}
    if (code === SSH_FX.PERMISSION_DENIED) throw new Denied(message)
    throw new Error(`${request.kind}: ${code} ${message}`)
  }

  async done(request: Unnumbered): Promise<void> {
    const { code, message } = await this.ask('status', request)
    if (code === SSH_FX.PERMISSION_DENIED) throw new Denied(message)
    if (code !== SSH_FX.OK) throw new Error(`${request.kind}: ${code} ${message}`)
  }

  async handle(request: Unnumbered): Promise<Buffer> {
    return (await this.ask('handle', request)).handle
  }

  open(filename: string, pflags: number): Promise<Buffer> {
    return this.handle({ kind: 'open', filename, pflags, attrs: {} })
  }

  read(handle: Buffer): Promise<unknown> {
    return this.ask('data', { kind: 'read', handle, offset: 0n, len: 10 })
  }

  async write(handle: Buffer): Promise<void> {
    await this.done({ kind: 'write', handle, offset: 0n, data: [Buffer.from('XY')] })
    await this.done({ kind: 'close', handle })
  }

  copy(readHandle: Buffer, writeHandle: Buffer): Promise<void> {
    return this.done({ kind: 'copyData', readHandle, writeHandle, readOffset: 0n, writeOffset: 0n, length: 0n })
  }
}

function isOf<K extends ResponseKind>(
  kind: K,
  reply: Response,
): reply is Extract<Response, { kind: K }> & ResponseOf<K> {
  return reply.kind === kind
}
