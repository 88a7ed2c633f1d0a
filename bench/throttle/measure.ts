import { mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { generateKey } from '../../conformance/harness/keys.ts'
import { command, OpenSshClient } from '../../conformance/harness/openssh-client.ts'
import type { Child } from '../../conformance/harness/processes.ts'
import { withScope } from '../../conformance/harness/scope.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import type { Server } from '../../conformance/harness/server.ts'
import { MEMORY_DIR, tempDir } from '../../conformance/harness/temp.ts'
import { STEP_SECONDS, Steps } from './steps.ts'

export interface Case {
  limitKb: number
  direction: 'upload' | 'download'
  /** Each with a connection of its own. */
  transfers: number
}

export interface Result extends Case {
  /** The shortest span that a transfer was measured over. */
  seconds: number
  bytesPerSecond: number
  /** Of the limit. */
  errorPercent: number
  /** How far the transfer that is furthest from the mean is from it. */
  spreadPercent: number
}

/** One step of a file is a request, and a sparse file costs nothing: enough for the slowest of machines. */
const FILE_BYTES = 1024 ** 4
const LOOK_EVERY_MS = 5
/** How much longer than asked a case may take: at 100 KB/s for eight, a step of OpenSSH's takes 20 s. */
const PATIENCE_SECONDS = 180

/** Moves files of one account with OpenSSH's sftp until each was seen for that long, then stops the clients. */
export async function measure(parent: Scope, server: Server, one: Case, seconds: number): Promise<Result> {
  return withScope(parent, async (scope) => {
    const dir = await tempDir(scope, MEMORY_DIR)
    const [home, local] = [join(dir, 'home'), join(dir, 'local')]
    await mkdir(home)
    await mkdir(local)
    const { limitKb, direction, transfers } = one
    const key = await generateKey(scope, dir, 'key', 'ed25519')
    const username = await server.addAccount({
      username: `${direction}-${limitKb}-${transfers}`,
      home,
      publicKeys: [key.publicKey],
      bandwidthKb: { [direction]: limitKb },
    })
    const login = { username, privateKeyFiles: [key.privateKeyFile] }
    const client = new OpenSshClient(scope, server, login, { cwd: local })
    const [from, to] = direction === 'upload' ? [local, home] : [home, local]
    await makeSparse(join(from, 'source'))
    const names = Array.from({ length: transfers }, (_, n) => `target-${n}`)
    const verb = Buffer.from(direction === 'upload' ? 'put ' : 'get ')
    const clients = await Promise.all(
      names.map((name) => client.start([Buffer.concat([verb, command`${'source'} ${name}`])])),
    )
    try {
      return resultOf(
        one,
        await watch(
          names.map((name) => join(to, name)),
          clients,
          seconds,
        ),
      )
    } finally {
      await Promise.all(clients.map((child) => child.kill()))
      await rm(to, { recursive: true })
    }
  })
}

async function makeSparse(path: string): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(FILE_BYTES)
  await file.close()
}

async function watch(files: readonly string[], clients: readonly Child[], seconds: number): Promise<Steps[]> {
  let all = files.map(() => new Steps())
  let allBegan = false
  let enough: number | undefined
  const start = performance.now()
  for (;;) {
    for (const [n, file] of files.entries()) {
      const size = await stat(file).then(
        (stats) => stats.size,
        () => 0,
      )
      all[n]?.seen((performance.now() - start) / 1000, size)
    }
    if (allBegan && all.every((steps) => steps.seconds >= seconds)) enough ??= performance.now()
    // The last step may be seen in part only.
    if (enough !== undefined && performance.now() - enough > 2000 * STEP_SECONDS) return all
    if (!allBegan && all.every((steps) => steps.began)) {
      // Before that, the others had more than their share.
      allBegan = true
      all = all.map((steps) => steps.anew())
    }
    const ended = clients.find((child) => !child.running)
    if (ended !== undefined) throw new Error(`a client ended: ${ended.output()}`)
    if ((performance.now() - start) / 1000 > seconds + PATIENCE_SECONDS) throw new Error('a file stopped growing')
    await sleep(LOOK_EVERY_MS)
  }
}

function resultOf(one: Case, steps: readonly Steps[]): Result {
  const rates = steps.map(({ bytesPerSecond }) => bytesPerSecond)
  const bytesPerSecond = rates.reduce((sum, rate) => sum + rate, 0)
  const mean = bytesPerSecond / rates.length
  return {
    ...one,
    seconds: Math.min(...steps.map((each) => each.seconds)),
    bytesPerSecond,
    errorPercent: 100 * (bytesPerSecond / (one.limitKb * 1000) - 1),
    spreadPercent: 100 * Math.max(...rates.map((rate) => Math.abs(rate / mean - 1))),
  }
}
