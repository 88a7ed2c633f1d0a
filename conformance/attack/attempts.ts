import type { Attacker } from './attacker.ts'

/** Flags of OPEN (draft §6.3). */
const READ = 0x01
const WRITE = 0x02
const APPEND = 0x04
const CREATE = 0x08
const TRUNCATE = 0x10
const EXCLUSIVE = 0x20

const INSIDE = [Buffer.from('inside')]

/** The names that are flipped, and what stays: see home.ts. `n` is a number of its own for each attempt. */
type Attempt = (client: Attacker, at: string, n: number) => Promise<unknown>

const read =
  (name: string): Attempt =>
  (client, at) =>
    client.withFile(`${at}/${name}`, READ, (handle) => client.ask({ kind: 'read', handle, offset: 0n, len: 100 }))

const write =
  (name: string, pflags: number): Attempt =>
  (client, at, n) =>
    client.withFile(`${at}/${name.replace('#', String(n % 50))}`, pflags, (handle) =>
      client.ask({ kind: 'write', handle, offset: 0n, data: INSIDE }),
    )

const list =
  (name: string): Attempt =>
  async (client, at) => {
    const opened = await client.ask({ kind: 'opendir', path: `${at}/${name}` })
    if (opened.kind !== 'handle') throw new Error(`OPENDIR was answered with ${opened.kind}`)
    try {
      await client.ask({ kind: 'readdir', handle: opened.handle })
    } finally {
      await client.ask({ kind: 'close', handle: opened.handle })
    }
  }

const rename =
  (kind: 'rename' | 'posixRename', from: string, to: string): Attempt =>
  (client, at) =>
    client.ask({ kind, oldpath: `${at}/${from}`, newpath: `${at}/${to}` })

const copy =
  (from: string, to: string): Attempt =>
  (client, at) =>
    client.withFile(`${at}/${from}`, READ, (readHandle) =>
      client.withFile(`${at}/${to}`, READ | WRITE | CREATE | TRUNCATE, async (writeHandle) => {
        await client.ask({ kind: 'copyData', readHandle, readOffset: 0n, length: 0n, writeHandle, writeOffset: 0n })
        await client.ask({ kind: 'read', handle: writeHandle, offset: 0n, len: 100 })
      }),
    )

const steal =
  (name: string): Attempt =>
  async (client, at, n) => {
    const stolen = `${at}/stolen${n}`
    await client.ask({ kind: 'hardlink', oldpath: `${at}/${name}`, newpath: stolen })
    try {
      await client.withFile(stolen, READ, (handle) => client.ask({ kind: 'read', handle, offset: 0n, len: 100 }))
    } finally {
      await client.ask({ kind: 'remove', filename: stolen })
    }
  }

const ATTRS = { size: 1n, permissions: 0o777, times: { atime: 1, mtime: 1 } }

/** Each tries to do harm, or to see something, through a name that may just now lead outside. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'read through a directory': read('dir/secret'),
  'read a file': read('file'),
  'write through a directory': write('dir/secret', WRITE | CREATE | TRUNCATE),
  'write a file': write('file', WRITE),
  'append to a file': write('file', WRITE | APPEND),
  'create through a directory': write('dir/new#', WRITE | CREATE),
  'create exclusively': async (client, at, n) => {
    const filename = `${at}/dir/exclusive${n}`
    await client.withFile(filename, WRITE | CREATE | EXCLUSIVE, async () => undefined)
    await client.ask({ kind: 'remove', filename })
  },
  'make and remove a directory': async (client, at, n) => {
    await client.ask({ kind: 'mkdir', path: `${at}/dir/made${n}`, attrs: {} })
    await client.ask({ kind: 'rmdir', path: `${at}/dir/made${n}` })
  },
  'make a file to be removed': write('dir/victim', WRITE | CREATE),
  'make a directory to be removed': (client, at) => client.ask({ kind: 'mkdir', path: `${at}/dir/empty`, attrs: {} }),
  'remove a directory': (client, at) => client.ask({ kind: 'rmdir', path: `${at}/dir/empty` }),
  'remove a file': (client, at) => client.ask({ kind: 'remove', filename: `${at}/dir/victim` }),
  'make a file to be renamed': write('dir/moved', WRITE | CREATE),
  'rename away': rename('posixRename', 'dir/moved', 'taken'),
  'rename over': rename('posixRename', 'taken', 'dir/secret'),
  'make a file to be renamed into': write('taken', WRITE | CREATE),
  'rename into': rename('rename', 'taken', 'dir/moved'),
  'rename within': rename('posixRename', 'dir/moved', 'dir/victim'),
  'link a file to a name of its own': steal('dir/secret'),
  'link a name that is flipped': steal('file'),
  'link into a directory': (client, at, n) =>
    client.ask({ kind: 'hardlink', oldpath: `${at}/bait`, newpath: `${at}/dir/hard${n}` }),
  'symlink into a directory': (client, at, n) =>
    client.ask({ kind: 'symlink', targetpath: '/bait', linkpath: `${at}/dir/soft${n}` }),
  'change through a directory': (client, at) => client.ask({ kind: 'setstat', path: `${at}/dir/secret`, attrs: ATTRS }),
  'change a file': (client, at) => client.ask({ kind: 'setstat', path: `${at}/file`, attrs: ATTRS }),
  'change a directory': (client, at) =>
    client.ask({ kind: 'setstat', path: `${at}/dir`, attrs: { permissions: 0o777 } }),
  'change a link': (client, at) =>
    client.ask({ kind: 'lsetstat', path: `${at}/file`, attrs: { times: { atime: 1, mtime: 1 } } }),
  'change by a handle': (client, at) =>
    client.withFile(`${at}/dir/secret`, READ | WRITE, (handle) =>
      client.ask({ kind: 'fsetstat', handle, attrs: ATTRS }),
    ),
  'copy out of a directory': copy('dir/secret', 'copied'),
  'copy into a directory': copy('bait', 'dir/secret'),
  'hash a file': (client, at) =>
    client.ask({
      kind: 'checkFileName',
      filename: `${at}/dir/secret`,
      algorithms: 'md5',
      offset: 0n,
      length: 0n,
      blockSize: 0,
    }),
  'list a directory': list('dir'),
  'list below a directory': list('dir/below'),
  'look at a file': (client, at) => client.ask({ kind: 'stat', path: `${at}/dir/secret` }),
  'look at a name': (client, at) => client.ask({ kind: 'lstat', path: `${at}/dir/secret` }),
  'look at a flipped name': (client, at) => client.ask({ kind: 'stat', path: `${at}/file` }),
  'read a link': (client, at) => client.ask({ kind: 'readlink', path: `${at}/dir/link` }),
  'find a path': (client, at) => client.ask({ kind: 'realpath', path: `${at}/dir/secret` }),
  'ask for space': (client, at) => client.ask({ kind: 'statvfs', path: `${at}/dir/secret` }),
}
