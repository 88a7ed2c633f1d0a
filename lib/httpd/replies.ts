import type { Readable } from 'node:stream'

interface Head {
  status: number
  headers: Readonly<Record<string, string>>
}

/** A whole answer; nothing is sent before it is complete. */
export interface WholeReply extends Head {
  body: string | Buffer
}

/** An answer whose body comes piece by piece; its length is unknown unless the headers tell it. */
export interface StreamReply extends Head {
  /** Read to its end, or destroyed when the client leaves or wants the head alone. */
  stream: Readable
  /** It ends for no reason of its own, as that of server-sent events: a server that closes does not wait for it. */
  endless?: boolean
}

/** Its headers win over {@link SECURITY_HEADERS}, which every answer has. */
export type Reply = WholeReply | StreamReply

export type TextReply = WholeReply & { body: string }

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

/** Of HTML pages: scripts, styles and requests of this server alone, nothing written into the page itself. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  // With no-referrer a browser sends its forms with "Origin: null", which is refused.
  'Referrer-Policy': 'same-origin',
}

export function htmlReply(status: number, html: string, headers: Readonly<Record<string, string>> = {}): TextReply {
  return { status, headers: { ...PAGE_HEADERS, ...headers }, body: html }
}

/** @param path of this server, never what a client sent. */
export function redirectReply(path: `/${string}`): TextReply {
  return { status: 303, headers: { Location: path, 'Content-Type': 'text/plain; charset=utf-8' }, body: '' }
}

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): TextReply {
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' },
    body: `${jsonText(value)}\n`,
  }
}

/** The generic response object: `error`, `message` and `status`, always these three keys in this order. */
export function genericReply(
  status: number,
  { error = '', message = '' }: { error?: string; message?: string },
  headers?: Readonly<Record<string, string>>,
): TextReply {
  return jsonReply(status, { error, message, status }, headers)
}

/** JSON that is also harmless inside HTML and JavaScript. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
