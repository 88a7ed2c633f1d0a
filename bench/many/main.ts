import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { check } from '../../conformance/harness/check.ts'
import { generateKey } from '../../conformance/harness/keys.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { MEMORY_DIR, tempDir } from '../../conformance/harness/temp.ts'
import { LoadClient } from '../sftp-load.ts'
import { MANY } from './options.ts'
import { residentKib } from '../../conformance/harness/resident.ts'

const MIB = 1024 * 1024
/** What each client has under way: OpenSSH's has up to 2 MiB, of which a hundred would wait for each other. */
const IN_FLIGHT_BYTES = 128 * 1024
/** After this, what was only there for the logins has been given back. */
const REST_MS = 5000

/** Many clients at once and many that are idle: prints how evenly they are served, and what they cost in memory. */
export async function manyMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = MANY.parse(args)
  if (options.help) {
    console.log(MANY.usage)
    return 0
  }
  const home = await tempDir(scope, MEMORY_DIR)
  const server = await startSftpgo(scope)
  const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
  await server.addAccount({ username: 'bench', home, publicKeys: [key.publicKey] })
  const { host, port, pid } = server
  const config = { host, port, username: 'bench', privateKey: await readFile(key.privateKeyFile) }

  await sleep(REST_MS)
  const baseKib = residentKib(pid)
  const idle = await LoadClient.openAll(config, options.idle)
  await sleep(REST_MS)
  const withIdleKib = residentKib(pid)
  console.log(`at rest                    ${mib(baseKib)} MiB`)
  console.log(`with ${String(options.idle).padEnd(5)} idle sessions   ${mib(withIdleKib)} MiB`)
  console.log(`one idle session           ${((withIdleKib - baseKib) / 1024 / options.idle).toFixed(2)} MiB`)
  for (const client of idle) client.end()

  const block = randomBytes(32 * 1024)
  const bytes = options.sizeMib * MIB
  const clients = await LoadClient.openAll(config, options.clients)
  await eventLoopDelayMs(server.httpUrl)
  const puts = await Promise.all(clients.map((client, n) => client.put(`/${n}`, block, bytes, IN_FLIGHT_BYTES)))
  report(`put ${options.sizeMib} MiB`, puts, clients, await eventLoopDelayMs(server.httpUrl))
  for (let n = 0; n < clients.length; n++) {
    const stored = await readFile(join(home, String(n)))
    check(stored.length === bytes && isRepeated(stored, block), `what client ${n} stored is not what it sent`)
  }
  for (const client of clients) client.longestMs = 0
  const gets = await Promise.all(
    clients.map((client, n) =>
      client.get(`/${n}`, bytes, IN_FLIGHT_BYTES, (offset, data) => {
        check(data.equals(block.subarray(0, data.length)), `what client ${n} fetched at ${offset} was not stored`)
      }),
    ),
  )
  report(`get ${options.sizeMib} MiB`, gets, clients, await eventLoopDelayMs(server.httpUrl))
  for (const client of clients) client.end()
  return 0
}

/** @returns the 99th percentile since the call before: reading it begins a new one. */
async function eventLoopDelayMs(url: string): Promise<number> {
  const [, seconds] =
    /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text()) ?? []
  return Number(seconds) * 1000
}

function report(what: string, seconds: readonly number[], clients: readonly LoadClient[], delayMs: number): void {
  const [fastest, slowest] = [Math.min(...seconds), Math.max(...seconds)]
  const longest = Math.max(...clients.map(({ longestMs }) => longestMs))
  console.log(
    `${what} by ${clients.length} clients at once: all intact, ${fastest.toFixed(1)} s to ${slowest.toFixed(1)} s ` +
      `(${(slowest / fastest).toFixed(2)} x), longest request ${longest.toFixed(0)} ms, event loop ` +
      `delayed by ${delayMs.toFixed(0)} ms (p99)`,
  )
}

function isRepeated(all: Buffer, block: Buffer): boolean {
  for (let offset = 0; offset < all.length; offset += block.length)
    if (!all.subarray(offset, offset + block.length).equals(block.subarray(0, all.length - offset))) return false
  return true
}

function mib(kib: number): string {
  return (kib / 1024).toFixed(0).padStart(5)
}
