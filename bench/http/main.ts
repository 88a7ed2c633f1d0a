import { setTimeout as sleep } from 'node:timers/promises'

import { Agent, fetch } from 'undici'

import { check } from '../../conformance/harness/check.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { tempDir } from '../../conformance/harness/temp.ts'
import { median } from '../figures.ts'
import { generateKey } from '../../conformance/harness/keys.ts'
import { OpenSshClient } from '../../conformance/harness/openssh-client.ts'
import { layGround, workloads } from '../workloads.ts'
import { HTTP } from './options.ts'

/** What an administrator and a monitoring system ask for. */
const TARGETS = ['/api/v1/version', '/api/v1/user?limit=1', '/api/v1/connection', '/web/users', '/metrics'] as const

/** What was asked for while something ran. */
interface Asked {
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
}

/**
 * Requests a second alone and beside a transfer, and what they cost the transfer. Prints a table, medians of the rounds.
 */
export async function httpMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = HTTP.parse(args)
  if (options.help) {
    console.log(HTTP.usage)
    return 0
  }
  const plan = { ...options, files: 1, entries: 1, protocol: 'sftp' } as const
  const ground = await layGround(scope, plan)
  const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
  const server = await startSftpgo(scope, { logArgs: ['-l', 'sftpgo.log'] })
  const username = await server.addAccount({ username: 'bench', home: ground.home, publicKeys: [key.publicKey] })
  for (let at = 0; at < options.users; at++) {
    await server.addAccount({ username: `user-${at}`, home: ground.home, publicKeys: [key.publicKey] })
  }
  const client = new OpenSshClient(
    scope,
    server,
    { username, privateKeyFiles: [key.privateKeyFile] },
    { cwd: ground.local, options: ['Ciphers=aes128-gcm@openssh.com'], timeoutMs: 600_000 },
  )
  const agent = new Agent({ connections: options.clients, pipelining: 1 })
  scope.defer(() => agent.destroy())
  const [get, put] = workloads(plan)
  check(get !== undefined && put !== undefined, 'there are two big transfers')

  let moves = 0
  /** @returns MiB a second. */
  const moveOnce = async (workload: typeof get): Promise<number> => {
    const target = `transfer-${moves++}`
    const start = performance.now()
    const { code, stderr } = await workload.run(client, target)
    const rate = options.sizeMib / ((performance.now() - start) / 1000)
    check(code === 0, `${workload.name}: ${stderr}`)
    await workload.check(ground, target, false)
    await workload.clean(ground, target)
    return rate
  }
  const ask = (target: string, until: Promise<unknown>) =>
    asking(server.httpUrl + target, agent, options.clients, until)

  // The first ones compile the program.
  await moveOnce(get)
  await moveOnce(put)
  for (const target of TARGETS) await ask(target, sleep(500))

  const rows: Record<string, Record<string, string>> = {}
  for (const target of TARGETS) {
    const alone: Asked[] = []
    const beside: Record<'get' | 'put', { asked: Asked; share: number }[]> = { get: [], put: [] }
    for (let round = 0; round < options.rounds; round++) {
      alone.push(await ask(target, sleep(options.seconds * 1000)))
      for (const [name, workload] of [['get', get] as const, ['put', put] as const]) {
        const undisturbed = await moveOnce(workload)
        const moving = moveOnce(workload)
        const asked = await ask(target, moving)
        beside[name].push({ asked, share: (await moving) / undisturbed })
      }
    }
    rows[target] = {
      alone: shown(alone),
      'beside get': shown(beside.get.map(({ asked }) => asked)),
      'beside put': shown(beside.put.map(({ asked }) => asked)),
      'get keeps': percent(beside.get),
      'put keeps': percent(beside.put),
    }
    console.error(`${target} done`)
  }
  console.log(
    `requests a second (p50, p99 in ms), ${options.clients} at a time, ${options.users + 1} accounts, ${options.sizeMib} MiB ` +
      `moved, medians of ${options.rounds}; what a transfer keeps of its speed`,
  )
  console.table(rows)
  return 0
}

function shown(all: readonly Asked[]): string {
  const of = (figure: (one: Asked) => number) => median(all.map(figure))
  return `${of(({ perSecond }) => perSecond).toFixed(0)} (${of(({ p50 }) => p50).toFixed(1)}, ${of(({ p99 }) => p99).toFixed(1)})`
}

function percent(all: readonly { share: number }[]): string {
  return `${(100 * median(all.map(({ share }) => share))).toFixed(0)} %`
}

async function asking(url: string, dispatcher: Agent, clients: number, until: Promise<unknown>): Promise<Asked> {
  const over = new AbortController()
  const times: number[] = []
  const one = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const start = performance.now()
      const response = await fetch(url, { dispatcher })
      await response.arrayBuffer()
      check(response.ok, `${url} answers ${response.status}`)
      times.push(performance.now() - start)
    }
  }
  const begun = performance.now()
  const all = Promise.all(Array.from({ length: clients }, one))
  await until
  over.abort()
  const seconds = (performance.now() - begun) / 1000
  await all
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) }
}
