import { readFileSync } from 'node:fs'

/** Memory of a process that is in RAM, as /proc/PID/status (proc(5)) tells it. */
export function residentKib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (line === null) throw new Error(`process ${pid} tells no VmRSS`)
  return Number(line[1])
}
