import { join } from 'node:path'

import type { Context, Place } from '../case.ts'
import { checkSucceeded } from '../harness/check.ts'
import { hostKeyFingerprints } from '../harness/keys.ts'
import { run } from '../harness/processes.ts'
import { requireProgram } from '../harness/programs.ts'
import { tempDir } from '../harness/temp.ts'

export interface PuttyLogin {
  /** Options of all of PuTTY's programs: who logs in where, and whom to trust. */
  login: string[]
  env: Record<string, string>
  /** For what else a program needs. */
  dir: string
}

/** PuTTY reads no key but its own format, and no known hosts but those on its command line. */
export async function puttyLogin({ scope, server }: Context, place: Place): Promise<PuttyLogin> {
  const puttygen = requireProgram('puttygen')
  const dir = await tempDir(scope)
  const key = join(dir, 'key.ppk')
  // It keeps its random seed in the home directory.
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir, LC_ALL: 'C' }
  checkSucceeded(await run(scope, puttygen, [place.key.privateKeyFile, '-O', 'private', '-o', key], { env }))
  const hostKeys = (await hostKeyFingerprints(scope, server)).flatMap((fingerprint) => ['-hostkey', fingerprint])
  const login = ['-batch', '-noagent', '-P', String(server.port), '-l', place.username, '-i', key, ...hostKeys]
  return { login, env, dir }
}
