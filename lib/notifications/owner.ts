import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

/** This process among all that may share an outbox. */
export interface Owner {
  name: string
  /** 8 lower case letters and digits, other ones each time. */
  instance: string
  /** Another one is known to have ended; false also where that cannot be told, as on another machine. */
  isGone(owner: string): boolean
}

/** Where pids can be compared at all: one start of one machine, and there one namespace. */
function place(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''
  return `${boot}.${namespace}`
}

export function thisOwner(): Owner {
  const here = place()
  const instance = randomBytes(4).toString('hex')
  return {
    name: `${here}.${process.pid}.${startOf('self') ?? 0}.${instance}`,
    instance,
    isGone(owner) {
      const [boot, namespace, pid, start] = owner.split('.')
      if (`${boot}.${namespace}` !== here || pid === undefined || !/^\d+$/.test(pid)) return false
      // A pid comes back with another start time.
      return startOf(pid) !== start
    },
  }
}

/** When a process began, in the kernel's ticks; undefined when it is no more. */
function startOf(pid: string): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // proc(5): the name before may hold anything, blanks and ")" too.
    const [state, ...rest] = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : rest[18]
  } catch {
    return undefined
  }
}
