import { randomBytes } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { check } from '../../conformance/harness/check.ts'
import { generateKey } from '../../conformance/harness/keys.ts'
import { startOpenSshServer } from '../../conformance/harness/openssh-server.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { MEMORY_DIR, tempDir } from '../../conformance/harness/temp.ts'
import { median } from '../figures.ts'
import { LoadClient } from '../sftp-load.ts'
import { LATENCY } from './options.ts'
import { startRelay } from './relay.ts'

const MIB = 1024 * 1024

/** Uploads over a long way, to this server and to OpenSSH's in turn; prints medians and their ratio. */
export async function latencyMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = LATENCY.parse(args)
  if (options.help) {
    console.log(LATENCY.usage)
    return 0
  }
  const home = await tempDir(scope, MEMORY_DIR)
  const servers = []
  for (const server of [await startSftpgo(scope), await startOpenSshServer(scope)]) {
    // OpenSSH's server tells accounts apart by their keys.
    const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
    const username = await server.addAccount({ username: 'bench', home, publicKeys: [key.publicKey] })
    const port = await startRelay(scope, server, options.roundTripMs / 2)
    const config = { host: '127.0.0.1', port, username, privateKey: await readFile(key.privateKeyFile) }
    servers.push({ name: server.name, config, rates: [] as number[] })
  }
  const block = randomBytes(32 * 1024)
  const bytes = options.sizeMib * MIB
  for (let round = 0; round < options.rounds; round++) {
    for (const { name, config, rates } of servers) {
      const client = await LoadClient.open(config)
      const target = join(home, `${name}-${round}`)
      const seconds = await client.put(
        name === 'openssh' ? target : `/${name}-${round}`,
        block,
        bytes,
        options.inFlightMib * MIB,
      )
      client.end()
      check((await stat(target)).size === bytes, `${name}: the file that arrived has another size`)
      await rm(target)
      rates.push(options.sizeMib / seconds)
    }
  }
  const [ours, theirs] = servers
  check(ours !== undefined && theirs !== undefined, 'both servers are measured')
  console.log(
    `put ${options.sizeMib} MiB over a round trip of ${options.roundTripMs} ms, ${options.inFlightMib} MiB under way, ` +
      `medians of ${options.rounds}`,
  )
  for (const { name, rates } of servers) console.log(`${name.padEnd(8)} ${median(rates).toFixed(1).padStart(8)} MiB/s`)
  const ratio = median(ours.rates.map((rate, round) => rate / (theirs.rates[round] ?? Number.NaN)))
  console.log(`speed / openssh ${ratio.toFixed(2)}`)
  return 0
}
