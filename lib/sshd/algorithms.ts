import type { Algorithms } from 'ssh2'
import { supportedAlgorithms } from './transport-internals.ts'

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

/**
 * The lists of the configuration, an empty one meaning the default.
 * @throws Error of one line for a name the transport does not have.
 */
export function algorithmsOf(config: {
  kex_algorithms: readonly string[]
  ciphers: readonly string[]
  macs: readonly string[]
}): Algorithms {
  const supported = supportedAlgorithms()
  const chosen = <Name extends string>(
    key: keyof typeof config,
    available: readonly string[],
    standard: readonly Name[],
  ): Name[] => {
    const names = config[key]
    const unknown = names.find((name) => !available.includes(name))
    if (unknown !== undefined) {
      throw new Error(`sftpd.${key}: ${JSON.stringify(unknown)} cannot be used, want some of ${available.join(', ')}`)
    }
    // Checked above; the type knows the names of the default only.
    return names.length > 0 ? ([...names] as Name[]) : [...standard]
  }
  return {
    ...DEFAULT_ALGORITHMS,
    kex: chosen('kex_algorithms', supported.kex, DEFAULT_ALGORITHMS.kex),
    cipher: chosen('ciphers', supported.cipher, DEFAULT_ALGORITHMS.cipher),
    hmac: chosen('macs', supported.hmac, DEFAULT_ALGORITHMS.hmac),
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
