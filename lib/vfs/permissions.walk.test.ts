import { format, resolveConfig } from 'prettier'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REQUESTS } from '../../protocol/sftp/packets.ts'
import { PERMISSIONS } from '../accounts/user.ts'
import type { GrantedPermissions, Permission } from '../accounts/user.ts'
import { AccountFileSystem, placePolicy } from './account-filesystem.ts'
import { Grants } from './grants.ts'
import { OPERATIONS, PLANTED, Sftp, view } from './operations.test.support.ts'
import type { Operation } from './operations.test.support.ts'
import { permissionsDocument } from './permissions-document.test.support.ts'
import { isRoot, tell, useSandbox } from './sandbox.test.support.ts'

if (!isRoot) tell('owners are not changed: only root can give a file away')

const box = useSandbox()
const umask = process.umask()
beforeAll(() => void process.umask(0o022))
afterAll(() => void process.umask(umask))

const WORDS = PERMISSIONS.filter((word) => word !== '*')

/** Nothing, everything, exactly what is needed; and without one of these, what else is needed and all there is. */
function grantsFor(needs: readonly Permission[]): Permission[][] {
  return [
    [],
    ['*'],
    [...WORDS],
    [...needs],
    ...needs.flatMap((need) => [needs, WORDS].map((words) => words.filter((other) => other !== need))),
  ]
}

describe.each(OPERATIONS)('[19] $surface: $name', (operation) => {
  const { needs } = operation

  test.each(grantsFor(needs).map((granted) => ({ granted })))('granted $granted', async ({ granted }) => {
    const isGranted = granted.includes('*') || needs.every((need) => granted.includes(need))
    const { found, done, denied } = await attempt(operation, granted)
    expect(found).toEqual(isGranted ? done : denied)
  })

  test('granted by directory', async () => {
    const { found, done } = await attempt(operation, { '/': [...needs], '/elsewhere': [] })
    expect(found).toEqual(done)
  })

  test('granted elsewhere only', async () => {
    const { found, done, denied } = await attempt(operation, { '/': [], '/elsewhere': ['*'] })
    expect(found).toEqual(needs.length === 0 ? done : denied)
  })
})

/** Tries an operation on a new home. @returns what came of it, and what must have: nothing at all when it is denied. */
async function attempt({ run, changes }: Operation, permissions: GrantedPermissions) {
  box.plantHome(PLANTED)
  const [before, seen] = [box.state(), view(box)]
  const rules = { permissions: new Grants(permissions), ignoreSetstat: false }
  const events: unknown[] = []
  const local = await box.open(placePolicy(rules))
  const account = new AccountFileSystem(local, rules, {
    done: (event) => events.push(event),
    transfer: () => ({ moved: () => undefined, end: () => undefined }),
  })
  const outcome = await run(account)
  const changed = Object.entries({ ...seen, ...changes }).filter(([, what]) => what !== 'gone')
  return {
    found: outcome === 'done' ? { outcome, home: view(box) } : { outcome, home: box.state(), events },
    done: { outcome: 'done', home: Object.fromEntries(changed) },
    denied: { outcome: 'denied', home: before, events: [] },
  }
}

test('every request has been made', () => {
  const made = Object.keys(REQUESTS).filter((kind) => [...Sftp.kinds].some((sent) => sent === kind))
  // The session sends INIT by itself.
  expect(new Set(['init', ...made])).toEqual(new Set(Object.keys(REQUESTS)))
})

test('PERMISSIONS.md is current: `npx vitest run --config .config/vitest.ts lib/vfs/permissions.walk -u` writes it', async () => {
  const file = new URL('PERMISSIONS.md', import.meta.url).pathname
  const options = await resolveConfig(file)
  const text = await format(permissionsDocument(OPERATIONS), { ...options, parser: 'markdown' })
  await expect(text).toMatchFileSnapshot(file)
})
