import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20

/** For what tells nobody when it has happened: another process' files and descriptors. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  for (const end = performance.now() + timeoutMs; !(await condition()); await sleep(POLL_MS)) {
    if (performance.now() > end) throw new Error(`after ${timeoutMs} ms still not: ${what}`)
  }
}
