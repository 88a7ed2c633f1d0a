import { peakRssKib, processTree, resetPeakRss } from '../conformance/harness/proc.ts'
import type { ProcessStat } from '../conformance/harness/proc.ts'
import { waitUntil } from '../conformance/harness/wait.ts'

export interface Measured {
  seconds: number
  cpuSeconds: number
  peakRssKib: number
}

/** Often enough to see every process of a session near its end, seldom enough to cost under 1 % of a core. */
const SAMPLE_EVERY_MS = 200

/**
 * What a server spends while `work` runs. A server may have a process a connection: what those spent is in the
 * server's own account once they have ended and were waited for, so that is waited for here as well.
 *
 * @param pid the process that is above all the server's others.
 * @param idle how many processes the server has when nobody is connected.
 */
export async function measure(pid: number, idle: number, work: () => Promise<void>): Promise<Measured> {
  await sessionsGone(pid, idle)
  for (const one of processTree(pid)) resetPeakRss(one.pid)
  const cpuBefore = cpuSecondsOf(processTree(pid))
  let peak = 0
  const sample = (): void => {
    // Pages that processes share count in each of them.
    const sum = processTree(pid).reduce((kib, one) => kib + peakRssKib(one.pid), 0)
    peak = Math.max(peak, sum)
  }
  const timer = setInterval(sample, SAMPLE_EVERY_MS)
  try {
    const start = performance.now()
    await work()
    const seconds = (performance.now() - start) / 1000
    sample()
    await sessionsGone(pid, idle)
    return { seconds, cpuSeconds: cpuSecondsOf(processTree(pid)) - cpuBefore, peakRssKib: peak }
  } finally {
    clearInterval(timer)
  }
}

/** Of the processes that live, and of those below them that have ended. */
export function cpuSecondsOf(tree: readonly ProcessStat[]): number {
  return tree.reduce((sum, { cpuSeconds, reapedCpuSeconds }) => sum + cpuSeconds + reapedCpuSeconds, 0)
}

async function sessionsGone(pid: number, idle: number): Promise<void> {
  await waitUntil('the processes of past sessions are gone', () => processTree(pid).length <= idle)
}
