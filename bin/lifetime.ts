/** A started server. */
export interface Running {
  /** Begins a new log file, where there is one. */
  rotateLog?(): void
  /** Ends transfers and listeners; resolves when nothing is left. */
  stop(): Promise<void>
  /** Resolves when the server has ended, rejects when it ended because something failed. */
  finished: Promise<void>
}

/** What this needs of `process`. */
export interface Signals {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

export interface Host {
  signals: Signals
  /** Ends the process at once. */
  exit(code: number): void
}

/** With the exit code of a process that the signal ended: 128 and the signal's number. */
const STOPPING = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const
/** Their default is to end the process, or to open the debugger. */
const IGNORED = ['SIGHUP'] as const

/**
 * Keeps a server running until it ends or a signal asks for it; the second such signal does not wait.
 * @throws what `start`, `stop` and `finished` throw.
 */
export async function runUntilStopped(start: () => Promise<Running>, host: Host): Promise<void> {
  const listeners = new Map<NodeJS.Signals, () => void>(IGNORED.map((signal) => [signal, () => undefined]))
  let running: Running | undefined
  listeners.set('SIGUSR1', () => running?.rotateLog?.())
  let asked = false
  const stopAsked = new Promise<void>((resolve) => {
    for (const [signal, code] of STOPPING)
      listeners.set(signal, () => {
        if (asked) host.exit(code)
        asked = true
        resolve()
      })
  })
  for (const [signal, listener] of listeners) host.signals.on(signal, listener)
  try {
    running = await start()
    await Promise.race([running.finished, stopAsked])
    if (asked) await running.stop()
  } finally {
    for (const [signal, listener] of listeners) host.signals.off(signal, listener)
  }
}
