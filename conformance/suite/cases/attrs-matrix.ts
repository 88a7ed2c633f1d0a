import type { Attrs } from '../../../protocol/sftp/attrs.ts'
import { SSH_FXF, S_IF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { handle, ok } from '../expected.ts'

/** Every subset of the four attributes, sent with each request that carries some. */
type Field = 'size' | 'owner' | 'permissions' | 'times'
const FIELDS: readonly Field[] = ['size', 'owner', 'permissions', 'times']
const SUBSETS: readonly (readonly Field[])[] = Array.from({ length: 16 }, (_, mask) =>
  FIELDS.filter((_field, index) => (mask >> index) & 1),
)

const TEXT = 'twelve bytes'
/** No umask that lets the owner work takes a bit of it away. */
const MODE = 0o700
const TIMES = { atime: 1_000_000_007, mtime: 1_234_567_890 }
const NEW_SIZE = 5n

/** The owner is sent as it is: changing it takes a privilege. */
async function valuesFor(context: Context, name: string, fields: readonly Field[]): Promise<Attrs> {
  const attrs: Attrs = {}
  if (fields.includes('size')) attrs.size = NEW_SIZE
  if (fields.includes('owner')) attrs.owner = (await context.attrs(name)).owner ?? { uid: 0, gid: 0 }
  if (fields.includes('permissions')) attrs.permissions = MODE
  if (fields.includes('times')) attrs.times = TIMES
  return attrs
}

/** What STAT shows afterwards: what was sent is there, what was not sent is as before. */
async function judge(context: Context, before: Attrs, sent: Attrs): Promise<void> {
  const after = await context.attrs('f')
  context.same(after.size, sent.size ?? before.size, 'size')
  context.sameMode(
    (after.permissions ?? 0) & 0o7777,
    (sent.permissions ?? before.permissions ?? 0) & 0o7777,
    'permissions',
  )
  context.same(after.owner?.uid, before.owner?.uid, 'uid')
  context.same(after.owner?.gid, before.owner?.gid, 'gid')
  if (sent.times !== undefined) {
    context.same(after.times?.mtime, TIMES.mtime, 'mtime')
    context.same(after.times?.atime, TIMES.atime, 'atime')
  } else if (sent.size === undefined) {
    context.same(after.times?.mtime, before.times?.mtime, 'mtime')
  }
  const content = (await context.content('f')).toString('latin1')
  context.same(content, sent.size === undefined ? TEXT : TEXT.slice(0, Number(NEW_SIZE)), 'content')
}

function label(fields: readonly Field[]): string {
  return fields.length === 0 ? 'no attribute' : fields.join(', ')
}

const setstatCases = SUBSETS.map((fields): Case => ({
  name: `SETSTAT with ${label(fields)} applies exactly that`,
  section: '§6.9',
  async run(context) {
    await context.file('f', Buffer.from(TEXT))
    const [before, sent] = [await context.attrs('f'), await valuesFor(context, 'f', fields)]
    await context.expect({ kind: 'setstat', path: context.at('f'), attrs: sent }, ok)
    await judge(context, before, sent)
  },
}))

const fsetstatCases = SUBSETS.map((fields): Case => ({
  name: `FSETSTAT with ${label(fields)} applies exactly that`,
  section: '§6.9',
  async run(context) {
    await context.file('f', Buffer.from(TEXT))
    const [before, sent] = [await context.attrs('f'), await valuesFor(context, 'f', fields)]
    const opened = await context.open('f', SSH_FXF.READ | SSH_FXF.WRITE)
    await context.expect({ kind: 'fsetstat', handle: opened, attrs: sent }, ok)
    await context.closed(opened)
    await judge(context, before, sent)
  },
}))

const openCases = SUBSETS.map((fields): Case => ({
  name: `OPEN CREAT with ${label(fields)} makes a file that has them`,
  section: '§6.3',
  note: 'OpenSSH applies permissions alone; the draft calls all of them the initial attributes.',
  async run(context) {
    const sent = await valuesFor(context, '', fields)
    const pflags = SSH_FXF.WRITE | SSH_FXF.CREAT
    const came = await context.expect({ kind: 'open', filename: context.at('f'), pflags, attrs: sent }, handle)
    if (came.kind === 'handle') await context.closed(came.handle)
    const after = await context.attrs('f')
    context.sameMode((after.permissions ?? 0) & S_IF.MT, S_IF.REG, 'type')
    if (sent.permissions !== undefined) context.sameMode((after.permissions ?? 0) & 0o7777, MODE, 'permissions')
    context.check(after.size === 0n || after.size === sent.size, 'size 0 or as sent', `size ${after.size}`)
  },
}))

const mkdirCases = SUBSETS.map((fields): Case => ({
  name: `MKDIR with ${label(fields)} makes a directory that has them`,
  section: '§6.6',
  note: 'OpenSSH applies permissions alone; a size of a directory means nothing.',
  async run(context) {
    const sent = await valuesFor(context, '', fields)
    await context.expect({ kind: 'mkdir', path: context.at('d'), attrs: sent }, ok)
    const after = await context.attrs('d')
    context.sameMode((after.permissions ?? 0) & S_IF.MT, S_IF.DIR, 'type')
    if (sent.permissions !== undefined) context.sameMode((after.permissions ?? 0) & 0o777, MODE, 'permissions')
  },
}))

const lsetstatCases = SUBSETS.filter((fields) => !fields.includes('size') && !fields.includes('permissions')).map(
  (fields): Case => ({
    name: `lsetstat of a link with ${label(fields)} leaves its target alone`,
    section: 'PROTOCOL 4.7',
    needs: ['lsetstat@openssh.com'],
    async run(context) {
      await context.given({ f: { file: TEXT }, l: { link: 'f' } })
      const [before, sent] = [await context.attrs('f'), await valuesFor(context, 'f', fields)]
      await context.expect({ kind: 'lsetstat', path: context.at('l'), attrs: sent }, ok)
      await judge(context, before, {})
      const { attrs: link } = await context.must({ kind: 'lstat', path: context.at('l') }, 'attrs')
      if (sent.times !== undefined) context.same(link.times?.mtime, TIMES.mtime, 'mtime of the link')
    },
  }),
)

const lsetstatFileCases = SUBSETS.filter((fields) => !fields.includes('size')).map((fields): Case => ({
  name: `lsetstat of a file with ${label(fields)} applies exactly that`,
  section: 'PROTOCOL 4.7',
  needs: ['lsetstat@openssh.com'],
  async run(context) {
    await context.file('f', Buffer.from(TEXT))
    const [before, sent] = [await context.attrs('f'), await valuesFor(context, 'f', fields)]
    await context.expect({ kind: 'lsetstat', path: context.at('f'), attrs: sent }, ok)
    await judge(context, before, sent)
  },
}))

export const ATTRS_MATRIX: readonly Case[] = [
  ...setstatCases,
  ...fsetstatCases,
  ...openCases,
  ...mkdirCases,
  ...lsetstatCases,
  ...lsetstatFileCases,
]
