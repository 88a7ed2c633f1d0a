import { FsError } from '../filesystem.ts'
import type { FsErrorKind } from '../filesystem.ts'
import { SSH_FX } from './constants.ts'
import type { StatusCode } from './constants.ts'
import type { Reply } from './packets.ts'

/** §7 has few codes, the message carries the rest. A kind without a status does not compile. */
export const STATUS_OF: Readonly<Record<FsErrorKind, StatusCode>> = {
  'not-found': SSH_FX.NO_SUCH_FILE,
  permission: SSH_FX.PERMISSION_DENIED,
  exists: SSH_FX.FAILURE,
  quota: SSH_FX.FAILURE,
  'no-space': SSH_FX.FAILURE,
  unsupported: SSH_FX.OP_UNSUPPORTED,
  // OpenSSH's server answers EINVAL and ENAMETOOLONG so.
  invalid: SSH_FX.BAD_MESSAGE,
  failure: SSH_FX.FAILURE,
}

export function status(code: StatusCode, message: string): Reply {
  return { kind: 'status', code, message, language: '' }
}

export const OK: Reply = status(SSH_FX.OK, 'Success')
export const END_OF_FILE: Reply = status(SSH_FX.EOF, 'End of file')

/** Anything but an {@link FsError} is a bug of ours: the client learns that it failed, nothing more. */
export function failureStatus(error: unknown): Reply {
  return error instanceof FsError
    ? status(STATUS_OF[error.kind], error.message)
    : status(SSH_FX.FAILURE, 'Internal error')
}
