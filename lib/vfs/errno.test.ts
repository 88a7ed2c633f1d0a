import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { FsError } from '../../protocol/filesystem.ts'
import type { FsErrorKind } from '../../protocol/filesystem.ts'
import { calling, errnoOf, fsError } from './errno.ts'
import { systemError } from './faulty-storage.test.support.ts'

/** `logged`: the host's trouble, whose cause the log should have. */
const KINDS: Readonly<Record<string, { kind: FsErrorKind; logged: boolean }>> = {
  ENOENT: { kind: 'not-found', logged: false },
  ENOTDIR: { kind: 'not-found', logged: false },
  ELOOP: { kind: 'not-found', logged: false },
  EPERM: { kind: 'permission', logged: false },
  EACCES: { kind: 'permission', logged: false },
  EINVAL: { kind: 'invalid', logged: false },
  ENAMETOOLONG: { kind: 'invalid', logged: false },
  EEXIST: { kind: 'exists', logged: false },
  ENOTEMPTY: { kind: 'failure', logged: false },
  EISDIR: { kind: 'failure', logged: false },
  EXDEV: { kind: 'failure', logged: false },
  EBUSY: { kind: 'failure', logged: true },
  EROFS: { kind: 'failure', logged: true },
  EFBIG: { kind: 'failure', logged: true },
  EMLINK: { kind: 'failure', logged: true },
  EMFILE: { kind: 'failure', logged: true },
  ENFILE: { kind: 'failure', logged: true },
  EIO: { kind: 'failure', logged: true },
  ESTALE: { kind: 'failure', logged: true },
  EINTR: { kind: 'failure', logged: true },
  EBADF: { kind: 'failure', logged: true },
  ENOSPC: { kind: 'no-space', logged: true },
  EDQUOT: { kind: 'quota', logged: true },
  EOPNOTSUPP: { kind: 'failure', logged: true },
  ENOSYS: { kind: 'unsupported', logged: true },
}

test.each(Object.entries(KINDS))('%s is told as $kind', (code, { kind, logged }) => {
  const cause = systemError(code)
  const error = fsError(cause)
  expect(error).toBeInstanceOf(FsError)
  expect(error.kind).toBe(kind)
  expect(error.cause).toBe(logged ? cause : undefined)
})

test('[13] no message tells a path, an errno or the words of the system', () => {
  for (const code of [...Object.keys(constants.errno), 'ERR_OUT_OF_RANGE', 'ERR_DIR_CLOSED', 'EWHATEVER']) {
    const { message } = fsError(systemError(code))
    expect(`${code}: ${message}`).toMatch(/^\w+: [A-Z][a-z -]+$/i)
    expect(message).not.toMatch(/injected|srv|real|E[A-Z]{3}/)
  }
})

test('every errno has a kind', () => {
  for (const code of Object.keys(constants.errno)) expect(fsError(systemError(code)).kind).toBeTypeOf('string')
})

test('an FsError passes as it is', () => {
  const error = new FsError('quota', 'Over quota')
  expect(fsError(error)).toBe(error)
})

describe('what is no error of a system call is a failure with its cause', () => {
  test.each([
    new TypeError('a bug'),
    'text',
    undefined,
    null,
    42,
    { code: 'ENOENT' },
    Object.assign(new Error(), { code: 2 }),
  ])('%s', (thrown) => {
    expect(fsError(thrown)).toMatchObject({ kind: 'failure', message: 'Failure', cause: thrown })
    expect(errnoOf(thrown)).toBeUndefined()
  })
})

test("errnoOf finds the name in node's own errors", () => {
  let thrown: unknown
  try {
    readFileSync('/none/at/all')
  } catch (error) {
    thrown = error
  }
  expect(errnoOf(thrown)).toBe('ENOENT')
})

test('calling gives back what the work gives, and an FsError for what it throws', async () => {
  expect(await calling(async () => 42)).toBe(42)
  await expect(calling(() => Promise.reject(systemError('ENOSPC')))).rejects.toMatchObject({ kind: 'no-space' })
  await expect(
    calling(() => {
      throw systemError('ENOENT')
    }),
  ).rejects.toMatchObject({ name: 'FsError', kind: 'not-found' })
})
