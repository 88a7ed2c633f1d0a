import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** What /proc/PID/stat says, as far as it is needed. Times are in seconds. */
export interface ProcessStat {
  pid: number
  ppid: number
  state: string
  /** User and system time of the process itself, all its threads. */
  cpuSeconds: number
  /** The same of its descendants that have ended and were waited for. */
  reapedCpuSeconds: number
  /** Clock ticks since boot: tells a process from a later one with the same pid. */
  startTicks: number
}

/** USER_HZ: 100 on every architecture that Linux shows to user space. */
const TICKS_PER_SECOND = 100

export function parseStat(text: string): ProcessStat {
  // The command's name may hold blanks and parentheses of its own: the fields begin after the last one.
  const nameEnd = text.lastIndexOf(')')
  const fields = text
    .slice(nameEnd + 1)
    .trim()
    .split(/\s+/)
  const number = (field: number): number => {
    const value = Number(fields[field - 3])
    if (!Number.isFinite(value)) throw new Error(`field ${field} of /proc/PID/stat is not a number: ${text}`)
    return value
  }
  return {
    pid: Number.parseInt(text, 10),
    ppid: number(4),
    state: fields[0] ?? '?',
    cpuSeconds: (number(14) + number(15)) / TICKS_PER_SECOND,
    reapedCpuSeconds: (number(16) + number(17)) / TICKS_PER_SECOND,
    startTicks: number(22),
  }
}

/** VmHWM, the largest resident set so far, in KiB; 0 for a process that has none any more (a zombie). */
export function parsePeakRssKib(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}

export function processStat(pid: number): ProcessStat | undefined {
  const text = readIfAlive(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseStat(text)
}

export function peakRssKib(pid: number): number {
  return parsePeakRssKib(readIfAlive(`/proc/${pid}/status`) ?? '')
}

/** Makes VmHWM start afresh from the present size. @returns false where the kernel does not offer it. */
export function resetPeakRss(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    return true
  } catch {
    return false
  }
}

export function openDescriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

/** The process and everything below it that lives now, parents first; empty when it has ended. */
export function processTree(root: number): ProcessStat[] {
  return subtree(root, allProcesses())
}

/** @param processes in any order. */
export function subtree(root: number, processes: readonly ProcessStat[]): ProcessStat[] {
  const byParent = new Map<number, ProcessStat[]>()
  for (const one of processes) byParent.set(one.ppid, [...(byParent.get(one.ppid) ?? []), one])
  const tree = processes.filter((one) => one.pid === root)
  for (const one of tree) tree.push(...(byParent.get(one.pid) ?? []))
  return tree
}

function allProcesses(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processStat(Number(name)))
    .filter((stat) => stat !== undefined)
}

/** A process may end between its listing and its reading. */
function readIfAlive(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
