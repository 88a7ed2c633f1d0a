import { AccountError, type AccountErrorKind } from '../accounts/accounts.ts'

/** A request that is refused: what the generic response object of its answer holds. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  /** The object's `message`; its `error` is this error's own message. */
  readonly note: string
  /** @param error goes to the client: no real path, no driver text. */
  constructor(status: number, error: string, note = '', options?: ErrorOptions) {
    super(error, options)
    this.status = status
    this.note = note
  }
}

/** What an AccountError answers; a kind without a status does not compile. */
const STATUS_OF: Readonly<Record<AccountErrorKind, number>> = {
  validation: 400,
  'method-disabled': 403,
  'not-found': 404,
  exists: 409,
  unavailable: 500,
}

/** The refusal that `error` stands for, or undefined when it is a bug of ours. */
export function refusalOf(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error
  if (error instanceof AccountError) return new HttpError(STATUS_OF[error.kind], error.message, '', { cause: error })
  return undefined
}
