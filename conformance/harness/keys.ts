import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { run } from './processes.ts'
import { requireProgram } from './programs.ts'
import type { Scope } from './scope.ts'

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa'

export interface KeyPair {
  privateKeyFile: string
  /** One line as authorized_keys has it. */
  publicKey: string
}

/** @param name the file's name in `dir`, to which `.pub` is added for the public half. */
export async function generateKey(scope: Scope, dir: string, name: string, type: KeyType): Promise<KeyPair> {
  const file = join(dir, name)
  const bits = type === 'rsa' ? ['-b', '2048'] : []
  const made = await run(scope, requireProgram('ssh-keygen'), [
    '-q',
    '-t',
    type,
    ...bits,
    '-N',
    '',
    '-C',
    name,
    '-f',
    file,
  ])
  if (made.code !== 0) throw new Error(`ssh-keygen: ${made.stderr || made.stdout}`)
  return { privateKeyFile: file, publicKey: (await readFile(`${file}.pub`, 'utf8')).trim() }
}

/** @returns the fingerprints of all keys that a server shows, each as `SHA256:...`. */
export async function hostKeyFingerprints(scope: Scope, server: { host: string; port: number }): Promise<string[]> {
  const scanned = await run(scope, requireProgram('ssh-keyscan'), ['-p', String(server.port), server.host])
  const shown = await run(scope, requireProgram('ssh-keygen'), ['-l', '-f', '-'], {
    input: Buffer.from(scanned.stdout),
  })
  const fingerprints = [...shown.stdout.matchAll(/SHA256:\S+/g)].map(([fingerprint]) => fingerprint)
  if (fingerprints.length === 0) throw new Error(`ssh-keyscan found no host key: ${scanned.stderr}`)
  return fingerprints
}
