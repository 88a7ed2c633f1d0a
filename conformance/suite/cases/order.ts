import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Unnumbered } from '../client.ts'
import type { Context } from '../context.ts'
import { attrs, data, eof, handle, name, ok, status } from '../expected.ts'
import type { Expected } from '../expected.ts'

const { READ, WRITE, CREAT, TRUNC, EXCL, APPEND } = SSH_FXF

type At = (name: string) => string

/** Requests sent in one chunk, without a look at a reply: each must be answered as if it came after the one before. */
interface Sequence {
  name: string
  section?: string
  needs?: readonly string[]
  given?: Parameters<Context['given']>[0]
  /** Handles to open before, by name. */
  open?: Record<string, number>
  steps(at: At, handles: Record<string, Buffer>): (readonly [Unnumbered, Expected])[]
  after?: Parameters<Context['shows']>[0]
}

const write = (opened: Buffer | undefined, offset: bigint, text: string): Unnumbered => ({
  kind: 'write',
  handle: opened ?? Buffer.alloc(0),
  offset,
  data: [Buffer.from(text)],
})
const onHandle = (kind: 'close' | 'fstat', opened: Buffer | undefined): Unnumbered => ({
  kind,
  handle: opened ?? Buffer.alloc(0),
})

const SEQUENCES: readonly Sequence[] = [
  {
    name: 'STAT behind a WRITE sees the size',
    open: { f: WRITE | CREAT },
    steps: (at, { f }) => [
      [write(f, 0n, 'hello'), ok],
      [{ kind: 'stat', path: at('f') }, attrs({ size: 5n })],
      [write(f, 5n, ' world'), ok],
      [{ kind: 'stat', path: at('f') }, attrs({ size: 11n })],
      [{ kind: 'lstat', path: at('f') }, attrs({ size: 11n })],
      [onHandle('fstat', f), attrs({ size: 11n })],
    ],
  },
  {
    name: 'CLOSE behind WRITEs closes a whole file',
    open: { f: WRITE | CREAT },
    steps: (_at, { f }) => [
      [write(f, 0n, 'aaa'), ok],
      [write(f, 3n, 'bbb'), ok],
      [write(f, 6n, 'ccc'), ok],
      [onHandle('close', f), ok],
      [write(f, 9n, 'ddd'), status('FAILURE', 'NO_SUCH_FILE', 'BAD_MESSAGE')],
    ],
    after: { f: { file: 'aaabbbccc' } },
  },
  {
    name: 'RENAME behind WRITE and CLOSE moves the whole file',
    open: { f: WRITE | CREAT },
    steps: (at, { f }) => [
      [write(f, 0n, 'text'), ok],
      [onHandle('close', f), ok],
      [{ kind: 'rename', oldpath: at('f'), newpath: at('g') }, ok],
      [{ kind: 'stat', path: at('g') }, attrs({ size: 4n })],
      [{ kind: 'stat', path: at('f') }, status('NO_SUCH_FILE')],
    ],
    after: { f: 'missing', g: { file: 'text' } },
  },
  {
    name: 'OPEN behind REMOVE does not find the file',
    given: { f: { file: 'text' } },
    steps: (at) => [
      [{ kind: 'remove', filename: at('f') }, ok],
      [{ kind: 'open', filename: at('f'), pflags: READ, attrs: {} }, status('NO_SUCH_FILE')],
      [{ kind: 'open', filename: at('f'), pflags: WRITE | CREAT | EXCL, attrs: {} }, handle],
    ],
    after: { f: { file: '' } },
  },
  {
    name: 'REMOVE behind OPEN removes what was opened',
    given: { f: { file: 'text' } },
    steps: (at) => [
      [{ kind: 'open', filename: at('f'), pflags: READ, attrs: {} }, handle],
      [{ kind: 'remove', filename: at('f') }, ok],
      [{ kind: 'stat', path: at('f') }, status('NO_SUCH_FILE')],
    ],
    after: { f: 'missing' },
  },
  {
    name: 'MKDIR, MKDIR in it, RMDIR of both: each after the one before',
    steps: (at) => [
      [{ kind: 'mkdir', path: at('d'), attrs: {} }, ok],
      [{ kind: 'mkdir', path: at('d/e'), attrs: {} }, ok],
      [{ kind: 'rmdir', path: at('d') }, status('FAILURE')],
      [{ kind: 'rmdir', path: at('d/e') }, ok],
      [{ kind: 'rmdir', path: at('d') }, ok],
      [{ kind: 'stat', path: at('d') }, status('NO_SUCH_FILE')],
    ],
    after: { d: 'missing' },
  },
  {
    name: 'MKDIR twice: the second is refused',
    steps: (at) => [
      [{ kind: 'mkdir', path: at('d'), attrs: {} }, ok],
      [{ kind: 'mkdir', path: at('d'), attrs: {} }, status('FAILURE')],
    ],
    after: { d: 'directory' },
  },
  {
    name: 'SYMLINK, READLINK, STAT, REALPATH: each sees the link',
    given: { f: { file: 'text' } },
    steps: (at) => [
      [{ kind: 'symlink', targetpath: 'f', linkpath: at('l') }, ok],
      [{ kind: 'readlink', path: at('l') }, name('f')],
      [{ kind: 'stat', path: at('l') }, attrs({ size: 4n })],
      [{ kind: 'realpath', path: at('l') }, name(at('f'))],
      [{ kind: 'remove', filename: at('l') }, ok],
      [{ kind: 'readlink', path: at('l') }, status('NO_SUCH_FILE')],
    ],
  },
  {
    name: 'SETSTAT behind a WRITE cuts what was written',
    open: { f: WRITE | CREAT },
    steps: (at, { f }) => [
      [write(f, 0n, '0123456789'), ok],
      [{ kind: 'setstat', path: at('f'), attrs: { size: 4n } }, ok],
      [{ kind: 'stat', path: at('f') }, attrs({ size: 4n })],
      [write(f, 4n, 'x'), ok],
      [{ kind: 'stat', path: at('f') }, attrs({ size: 5n })],
    ],
    after: { f: { file: '0123x' } },
  },
  {
    name: 'OPEN TRUNC behind a WRITE on another handle empties the file',
    given: { f: { file: 'old' } },
    open: { f: WRITE },
    steps: (at, { f }) => [
      [write(f, 0n, '0123456789'), ok],
      [{ kind: 'open', filename: at('f'), pflags: WRITE | TRUNC, attrs: {} }, handle],
      [{ kind: 'stat', path: at('f') }, attrs({ size: 0n })],
    ],
    after: { f: { file: '' } },
  },
  {
    name: 'READ behind WRITE on one handle reads what was written, again and again',
    open: { f: READ | WRITE | CREAT },
    steps: (_at, { f }) =>
      Array.from({ length: 20 }, (_, index) => String(index).padStart(4, '0')).flatMap((text) => [
        [write(f, 0n, text), ok] as const,
        [
          { kind: 'read', handle: f ?? Buffer.alloc(0), offset: 0n, len: 4 } satisfies Unnumbered,
          data(Buffer.from(text)),
        ] as const,
      ]),
  },
  {
    name: 'READ on one handle behind WRITE on another of the same file reads what was written',
    given: { f: { file: 'oldtext' }, g: { link: 'f' } },
    open: { f: WRITE, g: READ },
    steps: (_at, { f, g }) => [
      [write(f, 0n, 'NEW'), ok],
      [{ kind: 'read', handle: g ?? Buffer.alloc(0), offset: 0n, len: 7 }, data(Buffer.from('NEWtext'))],
      [write(f, 7n, '!'), ok],
      [{ kind: 'read', handle: g ?? Buffer.alloc(0), offset: 0n, len: 9 }, data(Buffer.from('NEWtext!'))],
      [{ kind: 'read', handle: g ?? Buffer.alloc(0), offset: 8n, len: 9 }, eof],
    ],
  },
  {
    name: 'APPENDs through two handles land in the order in which they were sent',
    given: { f: { file: '' }, g: { link: 'f' } },
    open: { f: WRITE | APPEND, g: WRITE | APPEND },
    steps: (_at, { f, g }) =>
      Array.from({ length: 20 }, (_, index) => [write(index % 2 === 0 ? f : g, 0n, String(index % 10)), ok] as const),
    after: { f: { file: '01234567890123456789' } },
  },
  {
    name: 'RENAMEs in a circle end where they began',
    given: { a: { file: 'text' } },
    steps: (at) =>
      ['a', 'b', 'c', 'd', 'a'].slice(1).map((to, index) => {
        const from = ['a', 'b', 'c', 'd'][index] ?? ''
        return [{ kind: 'rename', oldpath: at(from), newpath: at(to) } satisfies Unnumbered, ok] as const
      }),
    after: { a: { file: 'text' }, b: 'missing', c: 'missing', d: 'missing' },
  },
  {
    name: 'two RENAMEs to one name: the second is refused',
    given: { a: { file: 'a' }, b: { file: 'b' } },
    steps: (at) => [
      [{ kind: 'rename', oldpath: at('a'), newpath: at('c') }, ok],
      [{ kind: 'rename', oldpath: at('b'), newpath: at('c') }, status('FAILURE')],
    ],
    after: { a: 'missing', b: { file: 'b' }, c: { file: 'a' } },
  },
  {
    name: 'two posix-renames to one name: the last stays',
    needs: ['posix-rename@openssh.com'],
    given: { a: { file: 'a' }, b: { file: 'b' } },
    steps: (at) => [
      [{ kind: 'posixRename', oldpath: at('a'), newpath: at('c') }, ok],
      [{ kind: 'posixRename', oldpath: at('b'), newpath: at('c') }, ok],
    ],
    after: { a: 'missing', b: 'missing', c: { file: 'b' } },
  },
  {
    name: 'a refused request does not hold up those behind it',
    steps: (at) => [
      [{ kind: 'stat', path: at('none') }, status('NO_SUCH_FILE')],
      [{ kind: 'mkdir', path: at('none/d'), attrs: {} }, status('NO_SUCH_FILE')],
      [{ kind: 'mkdir', path: at('d'), attrs: {} }, ok],
      [{ kind: 'remove', filename: at('none') }, status('NO_SUCH_FILE')],
      [{ kind: 'stat', path: at('d') }, attrs()],
    ],
  },
]

function sequence({ name: title, section = '§6.1', needs, given, open = {}, steps, after }: Sequence): Case {
  return {
    name: `in one chunk: ${title}`,
    section,
    ...(needs && { needs }),
    async run(context) {
      if (given !== undefined) await context.given(given)
      const handles: Record<string, Buffer> = {}
      for (const [file, pflags] of Object.entries(open)) handles[file] = await context.open(file, pflags)
      const asked = steps((file) => context.at(file), handles).map(([request, expected]) => ({
        ...context.client.prepare(request),
        expected,
      }))
      context.client.send(Buffer.concat(asked.map(({ packet }) => packet)))
      for (const { reply, expected } of asked) await context.expect(reply, expected)
      if (after !== undefined) await context.shows(after)
    },
  }
}

export const ORDER_CASES: readonly Case[] = SEQUENCES.map(sequence)
