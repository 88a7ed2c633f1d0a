import { createHash } from 'node:crypto'

/** What a session was let in by, to ask later whether it would still be. Plain data, and no secret. */
export type Credential =
  /** `digest` of the stored hash: another password gives another one, and so does the same one set again. */
  { kind: 'password'; digest: string } | { kind: 'key'; fingerprint: string; clientIp: string }

export function passwordCredential(stored: string): Credential {
  return { kind: 'password', digest: digestOf(stored) }
}

/** Whether the stored hash is that of the login. */
export function isSamePassword({ digest }: Extract<Credential, { kind: 'password' }>, stored: string): boolean {
  return stored !== '' && digestOf(stored) === digest
}

function digestOf(stored: string): string {
  return createHash('sha256').update(stored).digest('base64')
}
