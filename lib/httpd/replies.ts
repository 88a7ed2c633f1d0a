/** A whole answer; nothing is sent before it is complete. */
export interface Reply {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/**
 * Sent with every answer; a reply's own headers win. The API is data only: a browser shall neither run nor frame nor
 * sniff it, and neither a cache nor a Referer may keep or tell what an administrator saw.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' }, body: encodeJson(value) }
}

/** The generic response object: `error`, `message` and `status`, always these three keys in this order. */
export function genericReply(
  status: number,
  { error = '', message = '' }: { error?: string; message?: string },
  headers?: Readonly<Record<string, string>>,
): Reply {
  return jsonReply(status, { error, message, status }, headers)
}

/** JSON that is also harmless inside HTML and JavaScript, with a trailing newline. */
function encodeJson(value: unknown): string {
  const escaped = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `${escaped}\n`
}
