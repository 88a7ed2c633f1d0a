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
