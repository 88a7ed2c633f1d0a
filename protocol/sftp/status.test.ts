import { expect, test } from 'vitest'
import { FsError } from '../filesystem.ts'
import { SSH_FX } from './constants.ts'
import { STATUS_OF, failureStatus } from './status.ts'

test('SSH_FX.OK, EOF and the connection codes are no failure of a call', () => {
  const never: number[] = [SSH_FX.OK, SSH_FX.EOF, SSH_FX.NO_CONNECTION, SSH_FX.CONNECTION_LOST]
  expect(Object.values(STATUS_OF).filter((code) => never.includes(code))).toEqual([])
})

test('an FsError gives its message, anything else none', () => {
  expect(failureStatus(new FsError('quota', 'Quota exceeded'))).toEqual({
    kind: 'status',
    code: SSH_FX.FAILURE,
    message: 'Quota exceeded',
    language: '',
  })
  for (const bug of [new Error('EIO /srv'), 'text', undefined]) {
    expect(failureStatus(bug)).toMatchObject({ code: SSH_FX.FAILURE, message: 'Internal error' })
  }
})
