import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import { attrs, either, name, status } from '../expected.ts'
import type { Tree } from '../tree.ts'

const TREE: Tree = {
  d: 'directory',
  'd/e': 'directory',
  'd/f': { file: 'text' },
  l: { link: 'd' },
  lf: { link: 'd/f' },
  ll: { link: 'l/e' },
  up: { link: '../' },
  dangling: { link: 'none' },
  loop: { link: 'loop' },
}

type At = (name: string) => string

const RESOLVED_NOTE = 'The draft leaves open whether links are resolved; OpenSSH resolves them, and clients rely on it.'

/** Inside the case's directory: the path, and the one that comes back, or `refused`. */
const INSIDE: { path: string; gives: string; note?: string }[] = [
  { path: 'd', gives: 'd' },
  { path: 'd/', gives: 'd' },
  { path: 'd//', gives: 'd' },
  { path: 'd/.', gives: 'd' },
  { path: './d/./e', gives: 'd/e' },
  { path: 'd//e', gives: 'd/e' },
  { path: 'd/e/..', gives: 'd' },
  { path: 'd/e/../..', gives: '' },
  { path: 'd/e/../f', gives: 'd/f' },
  { path: 'd/f', gives: 'd/f' },
  { path: 'l', gives: 'd', note: RESOLVED_NOTE },
  { path: 'l/', gives: 'd', note: RESOLVED_NOTE },
  { path: 'l/e', gives: 'd/e', note: RESOLVED_NOTE },
  { path: 'lf', gives: 'd/f', note: RESOLVED_NOTE },
  { path: 'll', gives: 'd/e', note: RESOLVED_NOTE },
  { path: 'none', gives: 'none', note: 'The last component need not exist, so that clients can ask before an upload.' },
  { path: 'd/none', gives: 'd/none' },
  { path: 'l/none', gives: 'd/none', note: RESOLVED_NOTE },
  { path: 'dangling', gives: 'none', note: RESOLVED_NOTE },
  { path: 'none/x', gives: 'refused' },
  { path: 'd/none/x', gives: 'refused' },
  { path: 'loop', gives: 'refused' },
]

const insideCases: Case[] = INSIDE.map(({ path, gives, note }) =>
  row({
    name: `REALPATH of "${path}" ${gives === 'refused' ? 'is refused' : `gives "${gives}"`}`,
    section: '§6.11',
    ...(note !== undefined && { note }),
    given: TREE,
    send: (at) => ({ kind: 'realpath', path: at(path) }),
    expect: (at: At) =>
      gives === 'refused'
        ? status('NO_SUCH_FILE', 'FAILURE')
        : name(gives === '' ? at('').replace(/\/$/, '') : at(gives)),
  }),
)

const ROWS: Row[] = [
  {
    name: 'REALPATH of "/" gives "/"',
    section: '§6.11',
    send: () => ({ kind: 'realpath', path: '/' }),
    expect: name('/'),
  },
  {
    name: 'REALPATH of "//" gives "/"',
    section: '§6.11',
    send: () => ({ kind: 'realpath', path: '//' }),
    expect: name('/'),
  },
  {
    name: 'REALPATH of "/." gives "/"',
    section: '§6.11',
    send: () => ({ kind: 'realpath', path: '/.' }),
    expect: name('/'),
  },
  {
    name: 'REALPATH of "/.." gives "/"',
    section: '§6.2',
    send: () => ({ kind: 'realpath', path: '/..' }),
    expect: name('/'),
  },
  {
    name: 'REALPATH of "/../../.." gives "/"',
    section: '§6.2',
    send: () => ({ kind: 'realpath', path: '/../../..' }),
    expect: name('/'),
  },
  {
    name: 'REALPATH of a link to the directory above',
    section: '§6.11',
    note: RESOLVED_NOTE,
    given: TREE,
    send: (at) => ({ kind: 'realpath', path: at('up') }),
    expect: (at) => name(at('').split('/').slice(0, -2).join('/')),
  },
  {
    name: 'REALPATH of ".." behind a link to a directory',
    section: '§6.2',
    note: 'OpenSSH goes to the parent of what the link names; a server that normalises paths first goes to that of the link.',
    given: { ...TREE, deep: { link: 'd/e' } },
    send: (at) => ({ kind: 'realpath', path: at('deep/..') }),
    expect: (at) => name(at('d'), at('').replace(/\/$/, '')),
  },
  {
    name: 'REALPATH of ".." behind a missing name',
    section: '§6.2',
    note: 'OpenSSH looks for the name and refuses; a server that normalises paths first does not look.',
    given: { d: 'directory' },
    send: (at) => ({ kind: 'realpath', path: at('none/../d') }),
    expect: (at) => either(status('NO_SUCH_FILE'), name(at('d'))),
  },
  {
    name: 'REALPATH of a file with a trailing slash',
    section: '§6.2',
    note: 'OpenSSH refuses; a server that normalises paths first names the file.',
    given: TREE,
    send: (at) => ({ kind: 'realpath', path: `${at('d/f')}/` }),
    expect: (at) => either(status('NO_SUCH_FILE', 'FAILURE'), name(at('d/f'))),
  },
  {
    name: 'REALPATH keeps bytes that are not UTF-8',
    section: '§6.11',
    given: { '\xff\xfe\x80': { file: 'text' } },
    send: (at) => ({ kind: 'realpath', path: at('\xff\xfe\x80') }),
    expect: (at) => name(at('\xff\xfe\x80')),
  },
  {
    name: 'REALPATH keeps UTF-8 as it is, composed or not',
    section: '§6.11',
    given: { 'e\xcc\x81\xc3\xa9': { file: 'text' } },
    send: (at) => ({ kind: 'realpath', path: at('e\xcc\x81\xc3\xa9') }),
    expect: (at) => name(at('e\xcc\x81\xc3\xa9')),
  },
  {
    name: 'REALPATH keeps a backslash, a tilde, a star and a blank',
    section: '§6.11',
    given: { '~a\\b* c': { file: 'text' } },
    send: (at) => ({ kind: 'realpath', path: at('~a\\b* c') }),
    expect: (at) => name(at('~a\\b* c')),
  },
]

export const REALPATH_CASES: readonly Case[] = [
  ...insideCases,
  ...ROWS.map(row),
  ...['', '.', './', './.', './/'].map((path): Case => ({
    name: `REALPATH of ${JSON.stringify(path)} gives the directory where sessions start`,
    section: '§6.2',
    run: async (context) => void (await context.expect({ kind: 'realpath', path }, name(context.home))),
  })),
  {
    name: 'REALPATH of ".." stays at the root, or goes up',
    section: '§6.2',
    async run(context) {
      const parent = context.home.split('/').slice(0, -1).join('/')
      await context.expect({ kind: 'realpath', path: '..' }, name(parent === '' ? '/' : parent))
    },
  },
  {
    name: 'what REALPATH gives is absolute and can be used',
    section: '§6.11',
    async run(context) {
      const { entries } = await context.must({ kind: 'realpath', path: '.' }, 'name')
      const path = entries[0]?.filename ?? ''
      context.check(path.startsWith('/'), 'an absolute path', JSON.stringify(path))
      await context.expect({ kind: 'stat', path }, attrs())
    },
  },
  {
    name: 'REALPATH of its own result gives the same',
    section: '§6.11',
    async run(context) {
      await context.given(TREE)
      const { entries } = await context.must({ kind: 'realpath', path: context.at('ll') }, 'name')
      const path = entries[0]?.filename ?? ''
      await context.expect({ kind: 'realpath', path }, name(path))
    },
  },
]
