import { setTimeout as sleep } from 'node:timers/promises'

import ssh2 from 'ssh2'
import type { ConnectConfig } from 'ssh2'

/** Connects, logs in, leaves. @throws when it is refused. */
function logIn(config: ConnectConfig): Promise<void> {
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      client.end()
      resolve()
    })
    client.on('error', reject)
    client.connect(config)
  })
}

/** @returns logins a second, of so many clients that begin again as soon as they were in. */
export async function loginRate(
  config: ConnectConfig,
  { seconds, parallel }: { seconds: number; parallel: number },
): Promise<number> {
  await logIn(config)
  const start = performance.now()
  const end = start + seconds * 1000
  let logins = 0
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      await logIn(config)
      logins++
    }
  }
  await Promise.all(Array.from({ length: parallel }, one))
  return (logins * 1000) / (performance.now() - start)
}

/** Logs in at a steady rate, however long each login takes, until it is told to stop. */
export class SteadyLogins {
  #stopped = false
  #done = 0
  readonly #start = performance.now()
  readonly #running: Promise<void>

  constructor(config: ConnectConfig, perSecond: number) {
    this.#running = this.#run(config, perSecond)
    // Whoever stops it learns of a failure.
    this.#running.catch(() => undefined)
  }

  /** @returns logins a second that were completed. @throws when one was refused. */
  async stop(): Promise<number> {
    this.#stopped = true
    const rate = (this.#done * 1000) / (performance.now() - this.#start)
    await this.#running
    return rate
  }

  async #run(config: ConnectConfig, perSecond: number): Promise<void> {
    const logins: Promise<void>[] = []
    for (let count = 0; !this.#stopped; count++) {
      logins.push(logIn(config).then(() => void this.#done++))
      await sleep(Math.max(0, this.#start + ((count + 1) * 1000) / perSecond - performance.now()))
    }
    await Promise.all(logins)
  }
}
