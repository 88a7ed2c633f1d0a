import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'

import { openSshVersion } from '../conformance/harness/openssh-server.ts'
import type { Scope } from '../conformance/harness/scope.ts'
import type { Options } from './options.ts'

/** What figures depend on and a reader of them must know. */
export interface Environment {
  node: string
  cpus: number
  cpuModel: string
  openssh: string
  cipher: string
  /** Whether ssh2's native code is used; without it the same work takes about twice the CPU time. */
  ssh2Addon: boolean
}

export async function inspectEnvironment(scope: Scope, { cipher }: Pick<Options, 'cipher'>): Promise<Environment> {
  return {
    node: process.version,
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    openssh: (await openSshVersion(scope)).text,
    cipher,
    ssh2Addon: ssh2AddonLoaded(),
  }
}

export function heading(environment: Environment, { rounds, protocol }: Pick<Options, 'rounds' | 'protocol'>): string {
  const { node, cpuModel, openssh, cipher, ssh2Addon } = environment
  return [
    `medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${cipher}, client: ${openssh} ${protocol}`,
    `Node ${node}, ${environment.cpus} CPUs (${cpuModel}), ssh2's crypto addon: ${ssh2Addon ? 'loaded' : 'NOT loaded'}`,
  ].join('\n')
}

/** Asked in this process: the server loads the same package with the same Node. */
function ssh2AddonLoaded(): boolean {
  const crypto: unknown = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js')
  return (
    typeof crypto === 'object' && crypto !== null && 'bindingAvailable' in crypto && crypto.bindingAvailable === true
  )
}
