import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { data, either, eof, handle, ok, refused, status } from '../expected.ts'
import type { Tree } from '../tree.ts'

/** pflags against what the name stands for: 4 ways to use a file, 8 ways to make it, 4 kinds of names. */
const ACCESS: { name: string; pflags: number }[] = [
  { name: '0', pflags: 0 },
  { name: 'READ', pflags: SSH_FXF.READ },
  { name: 'WRITE', pflags: SSH_FXF.WRITE },
  { name: 'READ|WRITE', pflags: SSH_FXF.READ | SSH_FXF.WRITE },
]
const MAKING: { name: string; pflags: number }[] = [
  { name: '', pflags: 0 },
  { name: '|CREAT', pflags: SSH_FXF.CREAT },
  { name: '|TRUNC', pflags: SSH_FXF.TRUNC },
  { name: '|CREAT|TRUNC', pflags: SSH_FXF.CREAT | SSH_FXF.TRUNC },
  { name: '|CREAT|EXCL', pflags: SSH_FXF.CREAT | SSH_FXF.EXCL },
  { name: '|CREAT|TRUNC|EXCL', pflags: SSH_FXF.CREAT | SSH_FXF.TRUNC | SSH_FXF.EXCL },
  { name: '|APPEND', pflags: SSH_FXF.APPEND },
  { name: '|APPEND|CREAT', pflags: SSH_FXF.APPEND | SSH_FXF.CREAT },
]
type Kind = 'an existing file' | 'a missing file' | 'a directory' | 'a dangling link'
const GIVEN: Record<Kind, Tree> = {
  'an existing file': { x: { file: 'old text' } },
  'a missing file': {},
  'a directory': { x: 'directory' },
  'a dangling link': { x: { link: 'target' } },
}

interface Flags {
  read: boolean
  write: boolean
  append: boolean
  creat: boolean
  trunc: boolean
  excl: boolean
}

function flagsOf(pflags: number): Flags {
  const has = (flag: number): boolean => (pflags & flag) !== 0
  return {
    read: has(SSH_FXF.READ),
    write: has(SSH_FXF.WRITE),
    append: has(SSH_FXF.APPEND),
    creat: has(SSH_FXF.CREAT),
    trunc: has(SSH_FXF.TRUNC),
    excl: has(SSH_FXF.EXCL),
  }
}

const NEITHER_NOTE =
  'Neither READ nor WRITE: OpenSSH opens for reading, a refusal is right as well. Then nothing may be changed.'
const TRUNC_NOTE = 'TRUNC without WRITE truncates or not: POSIX leaves it open.'

async function open(context: Context, pflags: number, kind: Kind): Promise<void> {
  const flags = flagsOf(pflags)
  const asked = context.client.request({ kind: 'open', filename: context.at('x'), pflags, attrs: {} })
  const neither = !flags.read && !flags.write
  if (kind === 'a directory') return directory(context, await asked, flags)
  const exists = kind === 'an existing file'
  if (exists && flags.creat && flags.excl) {
    await context.expect(asked, status('FAILURE'))
    return context.shows(GIVEN[kind])
  }
  if (!exists && !flags.creat) {
    await context.expect(asked, status('NO_SUCH_FILE'))
    return context.shows({ ...GIVEN[kind], ...(kind === 'a dangling link' ? { target: 'missing' } : { x: 'missing' }) })
  }
  if (kind === 'a dangling link' && flags.excl) {
    await context.expect(asked, status('FAILURE'))
    return context.shows({ x: { link: 'target' }, target: 'missing' })
  }
  const came = await context.expect(asked, neither ? either(handle, refused) : handle)
  if (came.kind !== 'handle') return context.shows(GIVEN[kind])
  await uses(context, came.handle, flags, exists, kind === 'a dangling link' ? 'target' : 'x')
}

/** Reads and writes through the handle, and looks at what the file holds then. */
async function uses(context: Context, opened: Buffer, flags: Flags, exists: boolean, file: string): Promise<void> {
  const old = exists && !(flags.trunc && flags.write) ? 'old text' : ''
  const cut = exists && flags.trunc && !flags.write
  const read = { kind: 'read', handle: opened, offset: 0n, len: 100 } as const
  const write = { kind: 'write', handle: opened, offset: 2n, data: [Buffer.from('NEW')] } as const
  if (!flags.read && flags.write) await context.expect(read, refused)
  else await context.expect(read, old === '' ? eof : cut ? either(data(Buffer.from(old)), eof) : data(Buffer.from(old)))
  await context.expect(write, flags.write ? ok : refused)
  await context.closed(opened)
  const added = flags.append ? `${old}NEW` : `${old.slice(0, 2).padEnd(2, '\0')}NEW${old.slice(5)}`
  const content = (await context.content(file)).toString('latin1')
  const wanted = flags.write ? [added] : cut ? [old, ''] : [old]
  context.check(wanted.includes(content), `content ${wanted.map((text) => JSON.stringify(text)).join(' or ')}`, content)
}

async function directory(
  context: Context,
  outcome: Awaited<ReturnType<Context['client']['request']>>,
  { write, creat, trunc }: Flags,
): Promise<void> {
  const asked = Promise.resolve(outcome)
  if (write || creat || trunc) {
    await context.expect(asked, status('FAILURE', 'NO_SUCH_FILE', 'PERMISSION_DENIED'))
  } else {
    const came = await context.expect(asked, either(handle, refused))
    if (came.kind === 'handle') {
      await context.expect({ kind: 'read', handle: came.handle, offset: 0n, len: 10 }, refused)
    }
  }
  await context.shows({ x: 'directory' })
}

function caseOf(kind: Kind, access: (typeof ACCESS)[number], making: (typeof MAKING)[number]): Case {
  const pflags = access.pflags | making.pflags
  const { read, write, trunc } = flagsOf(pflags)
  const notes = [
    ...(kind !== 'a directory' && !read && !write ? [NEITHER_NOTE] : []),
    ...(kind === 'an existing file' && trunc && !write ? [TRUNC_NOTE] : []),
    ...(kind === 'a directory' ? ['OpenSSH opens a directory for reading, and each READ then fails.'] : []),
  ]
  return {
    name: `OPEN ${access.name}${making.name} on ${kind}`,
    section: '§6.3',
    ...(notes.length > 0 && { note: notes.join(' ') }),
    async run(context) {
      await context.given(GIVEN[kind])
      await open(context, pflags, kind)
    },
  }
}

export const OPEN_MATRIX: readonly Case[] = (Object.keys(GIVEN) as Kind[]).flatMap((kind) =>
  ACCESS.flatMap((access) => MAKING.map((making) => caseOf(kind, access, making))),
)
