import { fileURLToPath } from 'node:url'

import { generateKey, type KeyPair } from '../../conformance/harness/keys.ts'
import { OpenSshClient } from '../../conformance/harness/openssh-client.ts'
import { processTree } from '../../conformance/harness/proc.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo, type SftpgoOptions } from '../../conformance/harness/sftpgo-server.ts'
import { tempDir } from '../../conformance/harness/temp.ts'
import { USERNAME, type Contender } from '../contenders.ts'
import { heading, inspectEnvironment } from '../environment.ts'
import { summarize } from '../figures.ts'
import { playRounds } from '../rounds.ts'
import { table } from '../table.ts'
import { layGround, workloads, type Ground } from '../workloads.ts'
import { FEATURES } from './options.ts'

const CIPHER = 'aes128-gcm@openssh.com'
const BASELINE = 'all off'
/** Further than any transfer comes: what counts and throttles is at work, and never in the way. */
const UNREACHED = { quotaBytes: 1e15, bandwidthKb: { upload: 1e9, download: 1e9 } }

interface Variant {
  name: string
  /** Whether the account has limits. */
  limited: boolean
  options: Partial<SftpgoOptions>
}

const quiet = { http: false, logArgs: ['-l', '/dev/null', '--log-verbose=false'], dataProvider: { track_quota: 0 } }

/** All of them on the same account and files. */
const VARIANTS: readonly Variant[] = [
  { name: BASELINE, limited: false, options: quiet },
  { name: 'log', limited: false, options: { ...quiet, logArgs: ['-l', 'sftpgo.log'] } },
  { name: 'quota', limited: true, options: { ...quiet, dataProvider: { track_quota: 1 } } },
  { name: 'all on', limited: true, options: { logArgs: ['-l', 'sftpgo.log'], dataProvider: { track_quota: 1 } } },
  {
    name: 'no addon',
    limited: false,
    options: { ...quiet, nodeArgs: ['--require', fileURLToPath(new URL('without-addon.cjs', import.meta.url))] },
  },
]

/**
 * What the log, quota, bandwidth limits and metrics cost, and what the transport's native code saves: the same transfers
 * with each. Prints a table.
 */
export async function featuresMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = FEATURES.parse(args)
  if (options.help) {
    console.log(FEATURES.usage)
    return 0
  }
  const plan = { ...options, entries: 1, protocol: 'sftp' } as const
  const ground = await layGround(scope, plan)
  const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
  const contenders: Contender[] = []
  for (const variant of VARIANTS) contenders.push(await startVariant(scope, variant, ground, key))
  const work = workloads(plan).filter(({ bytes }) => bytes > 0)
  const samples = await playRounds(contenders, work, ground, options.rounds)
  const environment = await inspectEnvironment(scope, { cipher: CIPHER })
  console.log(
    `${heading(environment, { ...plan, rounds: options.rounds })}\n\n${table(summarize(samples, BASELINE), BASELINE)}`,
  )
  return 0
}

/** An account can only be added where there is HTTP: a first start makes it, a second one is measured. */
async function startVariant(scope: Scope, variant: Variant, ground: Ground, key: KeyPair): Promise<Contender> {
  const { name, limited, options } = variant
  const configDir = await tempDir(scope)
  const account = { username: USERNAME, home: ground.home, publicKeys: [key.publicKey], ...(limited && UNREACHED) }
  const first = scope.child()
  try {
    await (await startSftpgo(first, { configDir })).addAccount(account)
  } finally {
    await first.close()
  }
  const server = await startSftpgo(scope, { configDir, ...options })
  const login = { username: USERNAME, privateKeyFiles: [key.privateKeyFile] }
  const client = { cwd: ground.local, options: [`Ciphers=${CIPHER}`], timeoutMs: 600_000 }
  return {
    name,
    pid: server.pid,
    idleProcesses: processTree(server.pid).length,
    client: new OpenSshClient(scope, server, login, client),
    output: () => server.output(),
  }
}
