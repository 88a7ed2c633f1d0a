import { systemClock } from '../lib/clock.ts'
import type { Clock } from '../lib/clock.ts'

/** A started server. */
export interface Running {
  /** Begins a new log file, where there is one. */
  rotateLog?(): void
  /** Ends transfers and listeners; resolves when nothing is left. */
  stop(): Promise<void>
  /** Resolves when the server has ended, rejects when it ended because something failed. */
  finished: Promise<void>
  /** Reads its configuration again; absent where there is none. */
  reload?(): Promise<void>
  /** Tells of an error that nobody caught, and stops. */
  crash(error: unknown): Promise<void>
}

/** What this needs of `process`. */
export interface Signals {
  on(event: NodeJS.Signals | 'uncaughtException', listener: (error: unknown) => void): unknown
  off(event: NodeJS.Signals | 'uncaughtException', listener: (error: unknown) => void): unknown
}

export interface Host {
  signals: Signals
  /** Ends the process at once. */
  exit(code: number): void
  clock?: Clock
}

/** With the exit code of a process that the signal ended: 128 and the signal's number. */
const STOPPING = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const
const HUNG_UP = 129
/** Of a process in an unknown state no more can be expected than this. */
export const CRASH_DEADLINE_MS = 10_000

/**
 * Keeps a server running until it ends, a signal asks for it or an error that nobody caught leaves it in an unknown
 * state. A second stopping signal, or a second such error, does not wait. SIGHUP reloads; what cannot reload is a program
 * of somebody's terminal, and ends with it. SIGUSR1 begins a new log file.
 * @throws what `start`, `stop` and `finished` throw, and the error that nobody caught.
 */
export async function runUntilStopped(start: () => Promise<Running>, host: Host): Promise<void> {
  const { signals, clock = systemClock } = host
  const listeners = new Map<Parameters<Signals['on']>[0], (error: unknown) => void>()
  let running: Running | undefined
  let asked = false
  let faults = 0
  const stopAsked = new Promise<void>((resolve) => {
    const ask = (code: number): void => {
      if (asked) host.exit(code)
      asked = true
      resolve()
    }
    for (const [signal, code] of STOPPING) listeners.set(signal, () => ask(code))
    listeners.set('SIGHUP', () => {
      if (running?.reload !== undefined) void running.reload()
      else if (running !== undefined) ask(HUNG_UP)
    })
    listeners.set('SIGUSR1', () => running?.rotateLog?.())
  })
  const faulted = new Promise<never>((_, reject) => {
    // Rejections that nobody handles arrive here, too.
    listeners.set('uncaughtException', (error) => {
      if (faults++ > 0) host.exit(1)
      reject(error)
    })
  })
  // After the end nobody waits for it any more.
  faulted.catch(() => undefined)
  for (const [event, listener] of listeners) signals.on(event, listener)
  try {
    running = await Promise.race([start(), faulted])
    await Promise.race([running.finished, stopAsked, faulted])
    if (asked) await Promise.race([running.stop(), faulted])
  } catch (error) {
    if (faults > 0 && running !== undefined) {
      const deadline = clock.after(CRASH_DEADLINE_MS, () => host.exit(1), { ref: true })
      await running.crash(error).catch(() => undefined)
      deadline.cancel()
    }
    throw error
  } finally {
    for (const [event, listener] of listeners) signals.off(event, listener)
  }
}
