import { Worker } from 'node:worker_threads'

import type { Attacker } from './attacker.ts'
import { Refused } from './attacker.ts'
import { FLIPPED, LINKS } from './home.ts'

/** Flips until it is stopped. */
export interface Flipper {
  /** Renames that were done. */
  readonly flips: number
  stop(): Promise<void>
}

/** From another connection of the same account, as fast as the server answers. */
export function flipOverSftp(client: Attacker, at: string): Flipper {
  let flips = 0
  const state = { stopped: false }
  const move = async (from: string, to: string): Promise<void> => {
    try {
      await client.ask({ kind: 'posixRename', oldpath: `${at}/${from}`, newpath: `${at}/${to}` })
      flips++
    } catch (error) {
      if (!(error instanceof Refused)) throw error
    }
  }
  const ended = (async () => {
    while (!state.stopped) {
      // Requests are executed in the order in which they come: all are sent at once.
      await Promise.all(
        FLIPPED.flatMap((name) => LINKS.flatMap((link) => round(name, link).map(([from, to]) => move(from, to)))),
      )
    }
  })()
  return {
    get flips() {
      return flips
    },
    async stop() {
      state.stopped = true
      await ended
    },
  }
}

/** Beside the server, as fast as the disk goes. Plain JavaScript in a thread of its own. */
export async function flipOnDisk(directory: string): Promise<Flipper> {
  const shared = new SharedArrayBuffer(8)
  const counters = new Int32Array(shared)
  const rounds = FLIPPED.flatMap((name) => LINKS.flatMap((link) => round(name, link)))
  const worker = new Worker(
    `
    const { workerData: { directory, shared, rounds }, parentPort } = require('node:worker_threads')
    const { renameSync } = require('node:fs')
    const counters = new Int32Array(shared)
    parentPort.postMessage('ready')
    while (Atomics.load(counters, 0) === 0) {
      for (const [from, to] of rounds) {
        try {
          renameSync(directory + '/' + from, directory + '/' + to)
          Atomics.add(counters, 1, 1)
        } catch (error) {
          if (error.code !== 'ENOENT') throw error
        }
      }
    }`,
    { eval: true, workerData: { directory, shared, rounds } },
  )
  const ended = new Promise<void>((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject))
  await new Promise((resolve) => worker.once('message', resolve))
  return {
    get flips() {
      return counters[1] ?? 0
    },
    async stop() {
      Atomics.store(counters, 0, 1)
      await ended
    },
  }
}

/** From what the name is to a link, and back. */
function round(name: string, link: string): [from: string, to: string][] {
  return [
    [name, `${name}.real`],
    [`${name}.${link}`, name],
    [name, `${name}.${link}`],
    [`${name}.real`, name],
  ]
}
