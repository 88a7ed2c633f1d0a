import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Whether the transport runs its native ciphers; without them it works at half the speed. */
export function hasNativeCiphers(): boolean {
  try {
    const addon: unknown = require('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node')
    return addon !== undefined
  } catch {
    // Not built, or built for another version of Node: the transport falls back silently as well.
    return false
  }
}

/** One line for the log. */
export function transportNote(): string {
  return hasNativeCiphers()
    ? 'SSH transport: native ciphers'
    : 'SSH transport: the native addon is missing, ciphers run at half speed (npm rebuild ssh2)'
}
