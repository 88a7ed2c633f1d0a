/** Why a call failed: the server was not reached, or what it answered. */
export type ApiErrorKind = 'unreachable' | 'timeout' | 'tls' | 'refused' | 'answer'

/** A call that failed; the message is one line for the user. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly kind: ApiErrorKind
  /** What the server answered, when that was JSON. */
  readonly json: unknown
  constructor(kind: ApiErrorKind, message: string, options?: ErrorOptions & { json?: unknown }) {
    super(message, options)
    this.kind = kind
    this.json = options?.json
  }
}

/** Codes of failed handshakes, which a switch can overlook or a proper certificate mend. */
const CERTIFICATE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/

/** In the user's words. @param origin scheme, host and port, for the message. */
export function transportError(error: unknown, origin: string, timeoutMs: number): ApiError {
  const code = codeOf(error)
  const because = { cause: error }
  if (code === 'ECONNREFUSED') return new ApiError('unreachable', `${origin} refuses the connection`, because)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new ApiError('unreachable', `${origin}: no such host`, because)
  if (/TIMEOUT$|^ETIMEDOUT$/.test(code))
    return new ApiError('timeout', `${origin} did not answer within ${timeoutMs / 1000} seconds`, because)
  if (CERTIFICATE.test(code))
    return new ApiError(
      'tls',
      `${origin}: its certificate is not trusted (${code}); --insecure skips the check`,
      because,
    )
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
    return new ApiError('answer', `${origin}: the answer is too long`, because)
  if (/^(ERR_SSL_|EPROTO$)/.test(code) || (error instanceof Error && error.name === 'HTTPParserError'))
    return new ApiError('unreachable', `${origin} does not speak ${new URL(origin).protocol.slice(0, -1)}`, because)
  return new ApiError('unreachable', `${origin}: ${error instanceof Error ? error.message : String(error)}`, because)
}

/** Of the error, or of the first one it is made of: a name with two addresses fails twice. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return codeOf(error.cause)
}
