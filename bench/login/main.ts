import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import type { ConnectConfig } from 'ssh2'

import { check } from '../../conformance/harness/check.ts'
import { writeRandomFile } from '../../conformance/harness/files.ts'
import { generateKey } from '../../conformance/harness/keys.ts'
import { command, OpenSshClient } from '../../conformance/harness/openssh-client.ts'
import { startOpenSshServer } from '../../conformance/harness/openssh-server.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { MEMORY_DIR, tempDir } from '../../conformance/harness/temp.ts'
import { median } from '../figures.ts'
import { loginRate, SteadyLogins } from './clients.ts'
import { timeHashes } from './hashes.ts'
import { LOGIN } from './options.ts'

const MIB = 1024 * 1024
const PASSWORD = 'a password of the benchmark'
/** Logins a second beside the download, tried until it loses more than it may. */
const RATES = [1, 2, 4, 8, 16, 32, 64]
const MAX_LOSS = 0.2

/** Prints the time of a check for each format of password hashes, and the rates of logins. */
export async function benchLogin(scope: Scope, args: readonly string[]): Promise<number> {
  const options = LOGIN.parse(args)
  if (options.help) {
    console.log(LOGIN.usage)
    return 0
  }
  console.log(`Node ${process.version}, ${availableParallelism()} CPUs, which clients and server share\n`)
  console.log('hash                          ms a check')
  for (const { name, milliseconds } of await timeHashes()) {
    console.log(`${name.padEnd(28)}${milliseconds.toFixed(1).padStart(12)}`)
  }

  const server = await startSftpgo(scope)
  const dir = await tempDir(scope, MEMORY_DIR)
  const key = await generateKey(scope, dir, 'bench', 'ed25519')
  const account = { username: 'bench', home: dir, password: PASSWORD, publicKeys: [key.publicKey] }
  await server.addAccount(account)
  const { host, port } = server
  const common = { host, port, username: 'bench' }
  const byKey: ConnectConfig = { ...common, privateKey: await readFile(key.privateKeyFile) }
  const byPassword: ConnectConfig = { ...common, password: PASSWORD }
  console.log(`\nlogins a second, ${options.parallel} at a time`)
  const [ours, theirs] = [await loginRate(byKey, options), await openSshRate(scope, options)]
  console.log(`by ed25519 key              ${ours.toFixed(1).padStart(12)}`)
  console.log(`… OpenSSH's server          ${theirs.toFixed(1).padStart(12)}`)
  console.log(`by password (argon2id)      ${(await loginRate(byPassword, options)).toFixed(1).padStart(12)}`)

  await writeRandomFile(join(dir, 'big'), options.sizeMib * MIB)
  const client = new OpenSshClient(
    scope,
    server,
    { username: 'bench', privateKeyFiles: [key.privateKeyFile] },
    { cwd: dir, options: ['Ciphers=aes128-gcm@openssh.com'], timeoutMs: 600_000 },
  )
  const download = async (): Promise<number> => {
    const start = performance.now()
    const { code, stderr } = await client.batch([command`get big copy`])
    check(code === 0, `the download failed: ${stderr}`)
    return performance.now() - start
  }
  await download()
  console.log(`\nlogins by key beside a download of ${options.sizeMib} MiB, medians of ${options.rounds} pairs`)
  console.log('asked a second  done a second  MiB/s alone  MiB/s beside    loss')
  let kept = 0
  for (const rate of RATES) {
    const pairs: { alone: number; beside: number; done: number }[] = []
    for (let round = 0; round < options.rounds; round++) {
      const alone = await download()
      const logins = new SteadyLogins(byKey, rate)
      const beside = await download()
      pairs.push({ alone, beside, done: await logins.stop() })
    }
    const speed = (ms: number): number => (options.sizeMib * 1000) / ms
    const loss = median(pairs.map(({ alone, beside }) => 1 - alone / beside))
    const done = median(pairs.map((pair) => pair.done))
    const figures = [
      rate.toFixed(0).padStart(14),
      done.toFixed(1).padStart(13),
      median(pairs.map(({ alone }) => speed(alone)))
        .toFixed(0)
        .padStart(11),
      median(pairs.map(({ beside }) => speed(beside)))
        .toFixed(0)
        .padStart(12),
      `${(loss * 100).toFixed(0)} %`.padStart(6),
    ]
    console.log(figures.join('  '))
    if (loss >= MAX_LOSS) break
    kept = done
  }
  console.log(`\n${kept.toFixed(1)} logins a second cost less than ${MAX_LOSS * 100} % of the download`)
  return 0
}

/** The same by key on OpenSSH's sshd. */
async function openSshRate(scope: Scope, options: { seconds: number; parallel: number }): Promise<number> {
  const server = await startOpenSshServer(scope)
  const dir = await tempDir(scope)
  const key = await generateKey(scope, dir, 'bench', 'ed25519')
  const username = await server.addAccount({ username: 'bench', home: dir, publicKeys: [key.publicKey] })
  const { host, port } = server
  return loginRate({ host, port, username, privateKey: await readFile(key.privateKeyFile) }, options)
}
