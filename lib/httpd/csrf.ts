import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'

/** A form may stay open over a working day; a token that leaks is of no use tomorrow. */
export const CSRF_LIFETIME_MS = 12 * 60 * 60_000
const SECRET_BYTES = 32
const NONCE_BYTES = 16
/** Milliseconds of the monotonic clock, as an unsigned integer: enough for nine thousand years. */
const EXPIRY_BYTES = 6
const MAC_BYTES = 32

/** The tokens that a page's forms carry, so that no page of somebody else can send them. */
export interface Csrf {
  /** A new token, of 72 characters that need no escaping in HTML or a URL. @param user who is logged in, if anybody. */
  token(user?: string): string
  /** Whether it was made here for this user, and is not too old. The time taken tells nothing of what it should be. */
  valid(token: string, user?: string): boolean
}

/**
 * Tokens are signed, not kept: any number of forms may be open. The key lives as long as the process, so that a restart
 * makes every open form stale.
 */
export function createCsrf({ clock }: { clock: Clock }): Csrf {
  const secret = randomBytes(SECRET_BYTES)

  function sign(content: Buffer, user: string | undefined): Buffer {
    // The mark keeps "nobody" apart from every name, also the empty one.
    return createHmac('sha256', secret)
      .update(content)
      .update(user === undefined ? '-' : `+${user}`)
      .digest()
  }

  return {
    token(user) {
      const expiry = Buffer.alloc(EXPIRY_BYTES)
      expiry.writeUIntBE(Math.ceil(clock.monotonic() + CSRF_LIFETIME_MS), 0, EXPIRY_BYTES)
      const content = Buffer.concat([expiry, randomBytes(NONCE_BYTES)])
      return Buffer.concat([content, sign(content, user)]).toString('base64url')
    },

    valid(token, user) {
      const bytes = Buffer.from(token, 'base64url')
      // The decoder overlooks what is no base64url; a token has one spelling.
      if (bytes.length !== EXPIRY_BYTES + NONCE_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) return false
      const content = bytes.subarray(0, -MAC_BYTES)
      if (!timingSafeEqual(sign(content, user), bytes.subarray(-MAC_BYTES))) return false
      return clock.monotonic() < content.readUIntBE(0, EXPIRY_BYTES)
    },
  }
}
