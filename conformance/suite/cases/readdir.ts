import { SSH_FXF, S_IF } from '../../../protocol/sftp/constants.ts'
import type { Attrs } from '../../../protocol/sftp/attrs.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { attrs, either, eof, handle, ok, reply, status } from '../expected.ts'
import { CaseFailure } from '../failure.ts'

/** `ls -l` of OpenSSH and of the draft's recommendation (§7): mode, links, owner, group, size, date, name. */
const LONGNAME =
  /^([-dlbcps][-r][-w][-xsS][-r][-w][-xsS][-r][-w][-xtT])[+.@]? +(\d+|\?) +(\S+) +(\S+) +(\d+) ([A-Z][a-z]{2}) +(\d+) +(\d\d:\d\d|\d{4}) (.+)$/s

interface Entry {
  filename: string
  longname: string
  attrs: Attrs
}

async function entryOf(context: Context, filename: string): Promise<Entry> {
  const found = (await context.entries()).find((entry) => entry.filename === filename)
  if (found === undefined) throw new CaseFailure(`an entry ${filename}`, 'none')
  return found
}

async function makeMany(context: Context, count: number): Promise<void> {
  for (let start = 0; start < count; start += 100) {
    const batch = Array.from({ length: Math.min(100, count - start) }, (_, index) => `f${start + index}`)
    await Promise.all(batch.map((name) => context.file(name)))
  }
}

/** By SETSTAT, which no umask touches. */
async function fileWithMode(context: Context, name: string, content: Buffer, permissions: number): Promise<void> {
  await context.file(name, content)
  await context.must({ kind: 'setstat', path: context.at(name), attrs: { permissions } }, 'status')
}

function sorted(names: readonly string[]): string {
  return names.toSorted().join(' ')
}

const nonempty = reply('name', 'NAME with entries', (came) => came.kind === 'name' && came.entries.length > 0)

const LISTED: { what: string; count: number }[] = [
  { what: 'no entry', count: 0 },
  { what: 'one entry', count: 1 },
  { what: '100 entries', count: 100 },
  { what: '1000 entries', count: 1000 },
]

export const READDIR_CASES: readonly Case[] = [
  ...LISTED.map(({ what, count }): Case => ({
    name: `READDIR lists ${what}, each once, and then the end`,
    section: '§6.7',
    async run(context) {
      await makeMany(context, count)
      const opened = await context.opendir()
      const names = (await context.entriesOf(opened)).map(({ filename }) => filename)
      context.check(
        sorted(names) === sorted(Array.from({ length: count }, (_, i) => `f${i}`)),
        'the names',
        sorted(names),
      )
      await context.expect({ kind: 'readdir', handle: opened }, eof)
      await context.expect({ kind: 'readdir', handle: opened }, eof)
      await context.expect({ kind: 'close', handle: opened }, ok)
    },
  })),
  {
    name: 'READDIR gives 300 names of 255 bytes, in replies below 256 KiB',
    section: '§6.7',
    async run(context) {
      const names = Array.from({ length: 300 }, (_, index) => String(index).padEnd(255, 'n'))
      for (const name of names) await context.file(name)
      context.check(sorted(await context.names()) === sorted(names), 'all of the names', 'others')
      for (const one of context.client.received) {
        if (one.kind !== 'name') continue
        const bytes = one.entries.reduce((sum, entry) => sum + entry.filename.length + entry.longname.length + 60, 0)
        context.check(bytes < 256 * 1024, 'a reply below 256 KiB', `${bytes} bytes`)
      }
    },
  },
  {
    name: 'READDIR shows a file’s attributes as LSTAT does',
    section: '§6.7',
    async run(context) {
      await fileWithMode(context, 'f', Buffer.from('text'), 0o640)
      const entry = await entryOf(context, 'f')
      await context.expect({ kind: 'lstat', path: context.at('f') }, attrs(entry.attrs))
      context.same(entry.attrs.size, 4n, 'size')
      context.sameMode(entry.attrs.permissions ?? 0, S_IF.REG | 0o640, 'permissions')
    },
  },
  {
    name: 'READDIR shows a directory as one',
    section: '§6.7',
    async run(context) {
      await context.given({ d: 'directory' })
      const entry = await entryOf(context, 'd')
      context.sameMode((entry.attrs.permissions ?? 0) & S_IF.MT, S_IF.DIR, 'type')
      context.same(entry.longname.charAt(0), 'd', 'first letter of the long name')
    },
  },
  {
    name: 'READDIR shows a link as a link, dangling or not',
    section: '§6.7',
    async run(context) {
      await context.given({ f: { file: 'text' }, l: { link: 'f' }, dangling: { link: 'none' } })
      for (const name of ['l', 'dangling']) {
        const entry = await entryOf(context, name)
        context.sameMode((entry.attrs.permissions ?? 0) & S_IF.MT, S_IF.LNK, `type of ${name}`)
        context.same(entry.longname.charAt(0), 'l', `first letter of the long name of ${name}`)
      }
    },
  },
  ...['text', 'with blanks  in it', '\xff\xfe'].map((name): Case => ({
    name: `READDIR’s long name of ${JSON.stringify(name)} is a line of "ls -l"`,
    section: '§7',
    note: 'The draft recommends the form, and clients show it as it is.',
    async run(context) {
      await fileWithMode(context, name, Buffer.alloc(1234), 0o640)
      const { longname } = await entryOf(context, name)
      const fields = LONGNAME.exec(longname)
      if (fields === null) {
        throw new CaseFailure('mode, links, owner, group, size, date, name', JSON.stringify(longname))
      }
      context.same(fields[1], '-rw-r-----', 'mode')
      context.same(fields[5], '1234', 'size')
      context.same(fields[9], name, 'name')
    },
  })),
  {
    name: 'READDIR’s long name shows the date of an old file with its year',
    section: '§7',
    async run(context) {
      await context.file('f')
      const times = { atime: 1_000_000_000, mtime: 1_000_000_000 }
      await context.must({ kind: 'setstat', path: context.at('f'), attrs: { times } }, 'status')
      const { longname } = await entryOf(context, 'f')
      context.check(/ Sep +[89]  2001 f$/.test(longname), 'Sep 9 2001', JSON.stringify(longname))
    },
  },
  {
    name: 'READDIR names are single components',
    section: '§6.7',
    async run(context) {
      await context.given({ d: 'directory', 'd/x': { file: 'text' } })
      context.check(
        (await context.names()).every((name) => !name.includes('/')),
        'names without "/"',
        'one with it',
      )
    },
  },
  {
    name: 'entries added while a directory is read do not break it',
    section: '§6.7',
    async run(context) {
      await makeMany(context, 200)
      const opened = await context.opendir()
      const first = await context.expect({ kind: 'readdir', handle: opened }, nonempty)
      await context.file('added')
      const early = first.kind === 'name' ? first.entries.map(({ filename }) => filename) : []
      const late = (await context.entriesOf(opened)).map(({ filename }) => filename)
      const names = [...early, ...late].filter((name) => name.startsWith('f'))
      context.same(new Set(names).size, 200, 'entries that were there all the time, each once:')
      context.same(names.length, 200, 'entries:')
    },
  },
  {
    name: 'entries removed while a directory is read do not break it',
    section: '§6.7',
    async run(context) {
      await makeMany(context, 200)
      const opened = await context.opendir()
      const first = await context.expect({ kind: 'readdir', handle: opened }, nonempty)
      const early = first.kind === 'name' ? first.entries.map(({ filename }) => filename) : []
      for (let index = 0; index < 200; index++) {
        await context.must({ kind: 'remove', filename: context.at(`f${index}`) }, 'status')
      }
      const late = (await context.entriesOf(opened)).map(({ filename }) => filename)
      const names = [...early, ...late].filter((name) => name.startsWith('f'))
      context.same(new Set(names).size, names.length, 'entries, each at most once:')
    },
  },
  {
    name: 'a directory removed while it is read comes to its end',
    section: '§6.7',
    async run(context) {
      await context.given({ d: 'directory' })
      const opened = await context.opendir('d')
      await context.expect({ kind: 'rmdir', path: context.at('d') }, ok)
      await context.entriesOf(opened)
      await context.expect({ kind: 'close', handle: opened }, ok)
    },
  },
  {
    name: 'two handles of one directory each list all of it',
    section: '§6.7',
    async run(context) {
      await makeMany(context, 10)
      const [a, b] = [await context.opendir(), await context.opendir()]
      context.same((await context.entriesOf(a)).length, 10, 'entries of the first:')
      context.same((await context.entriesOf(b)).length, 10, 'entries of the second:')
    },
  },
  {
    name: 'OPENDIR of an empty path lists where sessions start, or is refused',
    section: '§6.2',
    note: 'An empty path means the starting directory by the draft; OpenSSH hands it to the kernel, which refuses.',
    async run(context) {
      const came = await context.expect({ kind: 'opendir', path: '' }, either(handle, status('NO_SUCH_FILE')))
      if (came.kind === 'handle') await context.expect({ kind: 'readdir', handle: came.handle }, nonempty)
    },
  },
  {
    name: 'OPENDIR follows a link to a directory',
    section: '§6.7',
    async run(context) {
      await context.given({ d: 'directory', 'd/x': { file: 'text' }, l: { link: 'd' } })
      context.same((await context.names('l')).join(), 'x', 'names')
    },
  },
  {
    name: 'OPENDIR of a file is refused',
    section: '§6.7',
    note: 'OpenSSH answers ENOTDIR with NO_SUCH_FILE.',
    async run(context) {
      await context.file('f')
      await context.expect({ kind: 'opendir', path: context.at('f') }, status('NO_SUCH_FILE', 'FAILURE'))
    },
  },
  {
    name: 'OPENDIR of a link to a file is refused',
    section: '§6.7',
    note: 'OpenSSH answers ENOTDIR with NO_SUCH_FILE.',
    async run(context) {
      await context.given({ f: { file: 'text' }, l: { link: 'f' } })
      await context.expect({ kind: 'opendir', path: context.at('l') }, status('NO_SUCH_FILE', 'FAILURE'))
    },
  },
  {
    name: 'a file that is being written is listed with its size',
    section: '§6.7',
    note: 'A server that publishes uploads at CLOSE may list nothing until then; here the file is there before.',
    async run(context) {
      await context.file('f', Buffer.from('old'))
      const opened = await context.open('f', SSH_FXF.WRITE)
      await context.write(opened, 0, Buffer.from('longer'))
      context.same((await entryOf(context, 'f')).attrs.size, 6n, 'size')
    },
  },
]
