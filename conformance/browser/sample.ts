import ssh2 from 'ssh2'

/** A new public key, as a line of authorized_keys. */
export function generateKey(comment = 'alice@laptop'): string {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment }).public
}
