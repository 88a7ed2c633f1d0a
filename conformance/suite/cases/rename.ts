import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import type { Unnumbered } from '../client.ts'
import { either, ok, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import type { Node, Tree } from '../tree.ts'

type Source = 'a file' | 'a directory' | 'a link' | 'a dangling link' | 'a missing name'
type Target = 'a missing name' | 'a file' | 'an empty directory' | 'a full directory' | 'a link' | 'a dangling link'

const SOURCES: Record<Source, Node> = {
  'a file': { file: 'source' },
  'a directory': 'directory',
  'a link': { link: 'elsewhere' },
  'a dangling link': { link: 'nowhere' },
  'a missing name': 'missing',
}
const TARGETS: Record<Target, Tree> = {
  'a missing name': { to: 'missing' },
  'a file': { to: { file: 'target' } },
  'an empty directory': { to: 'directory' },
  'a full directory': { to: 'directory', 'to/x': { file: 'inside' } },
  'a link': { to: { link: 'elsewhere' } },
  'a dangling link': { to: { link: 'nothing' } },
}
const SOURCE_NAMES = Object.keys(SOURCES) as Source[]
const TARGET_NAMES = Object.keys(TARGETS) as Target[]

interface Outcome {
  moves: boolean
  expect: Expected
  note?: string
}

/** §6.5: it is an error if newpath exists, whatever it is. */
function renameOutcome(source: Source, target: Target): Outcome {
  if (source === 'a missing name') return { moves: false, expect: status('NO_SUCH_FILE') }
  if (target === 'a missing name') return { moves: true, expect: ok }
  if (source === 'a directory' && target === 'a dangling link') {
    const note = 'OpenSSH looks through the dangling link and finds nothing; then the kernel refuses with ENOTDIR.'
    return { moves: false, expect: status('FAILURE', 'NO_SUCH_FILE'), note }
  }
  return { moves: false, expect: status('FAILURE') }
}

/** rename(2): what is there is replaced, as far as kinds go together. */
function posixOutcome(source: Source, target: Target): Outcome {
  if (source === 'a missing name') return { moves: false, expect: status('NO_SUCH_FILE') }
  if (target === 'a missing name') return { moves: true, expect: ok }
  if (source === 'a directory') {
    if (target === 'an empty directory') return { moves: true, expect: ok }
    if (target === 'a full directory') return { moves: false, expect: status('FAILURE') }
    return { moves: false, expect: status('NO_SUCH_FILE', 'FAILURE') }
  }
  if (target.endsWith('directory')) return { moves: false, expect: status('FAILURE') }
  return { moves: true, expect: ok }
}

function matrix(
  title: string,
  section: string,
  needs: readonly string[] | undefined,
  kind: 'rename' | 'posixRename',
  outcome: typeof renameOutcome,
): Case[] {
  return SOURCE_NAMES.flatMap((source) =>
    TARGET_NAMES.map((target) => {
      const { moves, expect, note } = outcome(source, target)
      const others: Tree = { elsewhere: { file: 'other' } }
      const given: Tree = { ...others, from: SOURCES[source], ...TARGETS[target] }
      return row({
        name: `${title} of ${source} to ${target} ${moves ? 'moves it' : 'is refused'}`,
        section,
        ...(needs && { needs }),
        ...(note !== undefined && { note }),
        given,
        send: (at): Unnumbered => ({ kind, oldpath: at('from'), newpath: at('to') }),
        expect,
        after: moves ? { ...others, from: 'missing', to: SOURCES[source] } : given,
      })
    }),
  )
}

const POSIX = ['posix-rename@openssh.com']

/** Both requests, with what each of them says. */
function both(
  name: string,
  given: Tree,
  paths: (at: (name: string) => string) => { oldpath: string; newpath: string },
  rename: { expect: Expected; after: Tree; note?: string },
  posix: { expect: Expected; after: Tree; note?: string },
): Row[] {
  return [
    { name: `RENAME ${name}`, section: '§6.5', given, send: (at) => ({ kind: 'rename', ...paths(at) }), ...rename },
    {
      name: `posix-rename ${name}`,
      section: 'PROTOCOL 4.3',
      needs: POSIX,
      given,
      send: (at) => ({ kind: 'posixRename', ...paths(at) }),
      ...posix,
    },
  ]
}

const INTO_ITSELF = either(status('BAD_MESSAGE', 'FAILURE', 'PERMISSION_DENIED'))

const ROWS: Row[] = [
  ...both(
    'of a file onto itself',
    { f: { file: 'text' } },
    (at) => ({ oldpath: at('f'), newpath: at('f') }),
    { expect: status('FAILURE'), after: { f: { file: 'text' } } },
    { expect: ok, after: { f: { file: 'text' } } },
  ),
  ...both(
    'of a directory onto itself',
    { d: 'directory', 'd/x': { file: 'text' } },
    (at) => ({ oldpath: at('d'), newpath: at('d') }),
    { expect: status('FAILURE'), after: { 'd/x': { file: 'text' } } },
    { expect: ok, after: { 'd/x': { file: 'text' } } },
  ),
  ...both(
    'of a directory into itself',
    { d: 'directory' },
    (at) => ({ oldpath: at('d'), newpath: at('d/e') }),
    { expect: INTO_ITSELF, after: { d: 'directory' } },
    { expect: INTO_ITSELF, after: { d: 'directory' } },
  ),
  ...both(
    'of a directory onto the directory it is in',
    { d: 'directory', 'd/e': 'directory' },
    (at) => ({ oldpath: at('d/e'), newpath: at('d') }),
    { expect: status('FAILURE'), after: { 'd/e': 'directory' } },
    { expect: status('FAILURE'), after: { 'd/e': 'directory' } },
  ),
  ...both(
    'takes a full directory along with what is in it',
    { d: 'directory', 'd/x': { file: 'text' }, 'd/e': 'directory' },
    (at) => ({ oldpath: at('d'), newpath: at('new') }),
    { expect: ok, after: { d: 'missing', 'new/x': { file: 'text' }, 'new/e': 'directory' } },
    { expect: ok, after: { d: 'missing', 'new/x': { file: 'text' }, 'new/e': 'directory' } },
  ),
  ...both(
    'moves a file into another directory',
    { f: { file: 'text' }, d: 'directory' },
    (at) => ({ oldpath: at('f'), newpath: at('d/g') }),
    { expect: ok, after: { f: 'missing', 'd/g': { file: 'text' } } },
    { expect: ok, after: { f: 'missing', 'd/g': { file: 'text' } } },
  ),
  ...both(
    'goes through a link to the directory',
    { f: { file: 'text' }, d: 'directory', l: { link: 'd' } },
    (at) => ({ oldpath: at('f'), newpath: at('l/g') }),
    { expect: ok, after: { f: 'missing', 'd/g': { file: 'text' }, l: { link: 'd' } } },
    { expect: ok, after: { f: 'missing', 'd/g': { file: 'text' }, l: { link: 'd' } } },
  ),
]

export const RENAME_CASES: readonly Case[] = [
  ...matrix('RENAME', '§6.5', undefined, 'rename', renameOutcome),
  ...matrix('posix-rename', 'PROTOCOL 4.3', POSIX, 'posixRename', posixOutcome),
  ...ROWS.map(row),
  {
    name: 'RENAME keeps an open file readable',
    section: '§6.5',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const opened = await context.open('f', 1)
      await context.expect({ kind: 'rename', oldpath: context.at('f'), newpath: context.at('g') }, ok)
      context.sameBytes(await context.contentOf(opened), Buffer.from('text'), 'what the handle reads')
    },
  },
  {
    name: 'posix-rename over an open file leaves the old content to its handle',
    section: 'PROTOCOL 4.3',
    needs: POSIX,
    async run(context) {
      await context.given({ old: { file: 'old text' }, new: { file: 'new text' } })
      const opened = await context.open('old', 1)
      await context.expect({ kind: 'posixRename', oldpath: context.at('new'), newpath: context.at('old') }, ok)
      context.sameBytes(await context.contentOf(opened), Buffer.from('old text'), 'what the handle reads')
      await context.shows({ old: { file: 'new text' }, new: 'missing' })
    },
  },
]
