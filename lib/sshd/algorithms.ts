import type { Algorithms } from 'ssh2'

/**
 * What is offered unless the configuration says otherwise, best first. No SHA-1, no CBC, no group 1 or 14
 * with SHA-1. chacha20-poly1305@openssh.com is left out: where the peer does not do strict key exchange it
 * is open to prefix truncation (CVE-2023-48795), as are CBC modes with encrypt-then-MAC.
 */
export const DEFAULT_ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  // Compression costs more than it saves here, and a compressed stream can grow without bound.
  compress: ['none'],
} satisfies Algorithms

/** The lists of the configuration, an empty one meaning the default. The transport refuses names it does not have. */
export function algorithmsOf(config: {
  kex_algorithms: readonly string[]
  ciphers: readonly string[]
  macs: readonly string[]
}): Algorithms {
  const chosen = (names: readonly string[], standard: readonly string[]): string[] =>
    names.length > 0 ? [...names] : [...standard]
  return {
    ...DEFAULT_ALGORITHMS,
    // Names come from the configuration; the transport's constructor checks them against what it has.
    kex: chosen(config.kex_algorithms, DEFAULT_ALGORITHMS.kex) as NonNullable<typeof DEFAULT_ALGORITHMS.kex>,
    cipher: chosen(config.ciphers, DEFAULT_ALGORITHMS.cipher) as NonNullable<typeof DEFAULT_ALGORITHMS.cipher>,
    hmac: chosen(config.macs, DEFAULT_ALGORITHMS.hmac) as NonNullable<typeof DEFAULT_ALGORITHMS.hmac>,
  }
}

/** Signature algorithms a user's key may sign with: no SHA-1, no DSA. */
export const USER_KEY_TYPES: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  // With a SHA-2 hash only.
  'ssh-rsa',
]
