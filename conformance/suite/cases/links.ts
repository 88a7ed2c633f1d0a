import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import { attrs, data, either, ended, name, ok, status } from '../expected.ts'

const HARDLINK = ['hardlink@openssh.com']
const TEXTS: { what: string; text: string }[] = [
  { what: 'a relative text', text: 'target' },
  { what: 'a text with "..", inside', text: 'd/../target' },
  { what: 'a text with a trailing slash', text: 'target/' },
  { what: 'a text with blanks', text: 'a b  c' },
  { what: 'a text that names nothing', text: 'no/such/thing' },
  { what: 'a text that is its own name', text: 'l' },
  { what: 'a text of 2000 bytes', text: 'abc/'.repeat(500) },
  { what: 'a text that is not UTF-8', text: '\xff\xfe' },
]

const ROWS: Row[] = [
  ...TEXTS.map(({ what, text }): Row => ({
    name: `SYMLINK stores ${what}, and READLINK gives it back`,
    section: '§6.10',
    send: (at) => ({ kind: 'symlink', targetpath: text, linkpath: at('l') }),
    expect: ok,
    after: { l: { link: text } },
  })),
  {
    name: 'SYMLINK takes the target first',
    section: 'PROTOCOL 4.1',
    note: 'The draft puts linkpath first; OpenSSH shipped the reverse, and clients follow it.',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'symlink', targetpath: 'f', linkpath: at('l') }),
    expect: ok,
    after: { l: { link: 'f' }, f: { file: 'text' } },
  },
  ...(['directory', { file: 'text' }, { link: 'none' }] as const).map((node): Row => {
    const what = node === 'directory' ? 'a directory' : 'file' in node ? 'a file' : 'a link'
    return {
      name: `SYMLINK where ${what} is, is refused`,
      section: '§6.10',
      given: { x: node },
      send: (at) => ({ kind: 'symlink', targetpath: 'target', linkpath: at('x') }),
      expect: status('FAILURE'),
      after: { x: node },
    }
  }),
  {
    name: 'SYMLINK with an empty text is refused',
    section: '§6.10',
    send: (at) => ({ kind: 'symlink', targetpath: '', linkpath: at('l') }),
    expect: status('NO_SUCH_FILE', 'FAILURE', 'BAD_MESSAGE'),
    after: { l: 'missing' },
  },
  {
    name: 'SYMLINK with a NUL byte in the text is refused',
    section: '§6.10',
    note: 'OpenSSH ends the session.',
    send: (at) => ({ kind: 'symlink', targetpath: 'a\0b', linkpath: at('l') }),
    expect: either(status('NO_SUCH_FILE', 'FAILURE', 'BAD_MESSAGE'), ended),
  },
  ...(['directory', { file: 'text' }] as const).map((node): Row => {
    const what = node === 'directory' ? 'a directory' : 'a file'
    return {
      name: `READLINK of ${what} is refused`,
      section: '§6.10',
      note: 'OpenSSH answers EINVAL with BAD_MESSAGE.',
      given: { x: node },
      send: (at) => ({ kind: 'readlink', path: at('x') }),
      expect: status('BAD_MESSAGE', 'FAILURE'),
    }
  }),
  {
    name: 'READLINK of a link to a link gives the first text',
    section: '§6.10',
    given: { f: { file: 'text' }, a: { link: 'b' }, b: { link: 'f' } },
    send: (at) => ({ kind: 'readlink', path: at('a') }),
    expect: name('b'),
  },
  {
    name: 'READLINK goes through a link in front of the last component',
    section: '§6.10',
    given: { d: 'directory', 'd/a': { link: 'text' }, l: { link: 'd' } },
    send: (at) => ({ kind: 'readlink', path: at('l/a') }),
    expect: name('text'),
  },
  {
    name: 'hardlink gives a file a second name',
    section: 'PROTOCOL 4.5',
    needs: HARDLINK,
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'hardlink', oldpath: at('f'), newpath: at('g') }),
    expect: ok,
    after: { f: { file: 'text' }, g: { file: 'text' } },
  },
  ...(['directory', { file: 'other' }, { link: 'none' }] as const).map((node): Row => {
    const what = node === 'directory' ? 'a directory' : 'file' in node ? 'a file' : 'a link'
    return {
      name: `hardlink where ${what} is, is refused`,
      section: 'PROTOCOL 4.5',
      needs: HARDLINK,
      given: { f: { file: 'text' }, x: node },
      send: (at) => ({ kind: 'hardlink', oldpath: at('f'), newpath: at('x') }),
      expect: status('FAILURE'),
      after: { f: { file: 'text' }, x: node },
    }
  }),
  {
    name: 'hardlink of a directory is refused',
    section: 'PROTOCOL 4.5',
    needs: HARDLINK,
    given: { d: 'directory' },
    send: (at) => ({ kind: 'hardlink', oldpath: at('d'), newpath: at('e') }),
    expect: status('PERMISSION_DENIED', 'FAILURE'),
    after: { d: 'directory', e: 'missing' },
  },
  {
    name: 'hardlink of a link names the link, not what it names',
    section: 'PROTOCOL 4.5',
    needs: HARDLINK,
    given: { f: { file: 'text' }, l: { link: 'f' } },
    send: (at) => ({ kind: 'hardlink', oldpath: at('l'), newpath: at('m') }),
    expect: ok,
    after: { l: { link: 'f' }, m: { link: 'f' } },
  },
]

export const LINK_CASES: readonly Case[] = [
  ...ROWS.map(row),
  {
    name: 'a link with an absolute text means the path from the root',
    section: '§6.10',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      await context.link('l', context.at('f'))
      await context.expect({ kind: 'stat', path: context.at('l') }, attrs({ size: 4n }))
      await context.expect({ kind: 'readlink', path: context.at('l') }, name(context.at('f')))
    },
  },
  {
    name: 'a link’s relative text starts at the link’s directory',
    section: '§6.10',
    async run(context) {
      await context.given({ d: 'directory', 'd/f': { file: 'inner' }, f: { file: 'out' }, 'd/l': { link: 'f' } })
      await context.expect({ kind: 'stat', path: context.at('d/l') }, attrs({ size: 5n }))
    },
  },
  {
    name: 'a link to a directory can be walked through',
    section: '§6.10',
    async run(context) {
      await context.given({ d: 'directory', 'd/e': 'directory', 'd/e/f': { file: 'text' }, l: { link: 'd/e' } })
      await context.expect({ kind: 'stat', path: context.at('l/f') }, attrs({ size: 4n }))
      await context.expect({ kind: 'stat', path: context.at('l/../f') }, either(status('NO_SUCH_FILE'), attrs()))
    },
  },
  {
    name: 'a chain of 10 links leads to its end',
    section: '§6.10',
    async run(context) {
      await context.given({ l0: { file: 'text' } })
      for (let index = 1; index <= 10; index++) await context.link(`l${index}`, `l${index - 1}`)
      await context.expect({ kind: 'stat', path: context.at('l10') }, attrs({ size: 4n }))
    },
  },
  {
    name: 'what is written through one hard link is read through the other',
    section: 'PROTOCOL 4.5',
    needs: HARDLINK,
    async run(context) {
      await context.file('f', Buffer.from('text'))
      await context.must({ kind: 'hardlink', oldpath: context.at('f'), newpath: context.at('g') }, 'status')
      const [writer, reader] = [await context.open('f', 2), await context.open('g', 1)]
      await context.write(writer, 0, Buffer.from('NEW'))
      await context.expect({ kind: 'read', handle: reader, offset: 0n, len: 10 }, data(Buffer.from('NEWt')))
    },
  },
  {
    name: 'RENAME of one hard link onto the other is refused',
    section: '§6.5',
    needs: HARDLINK,
    async run(context) {
      await context.file('f', Buffer.from('text'))
      await context.must({ kind: 'hardlink', oldpath: context.at('f'), newpath: context.at('g') }, 'status')
      await context.expect({ kind: 'rename', oldpath: context.at('f'), newpath: context.at('g') }, status('FAILURE'))
      await context.shows({ f: { file: 'text' }, g: { file: 'text' } })
    },
  },
]
