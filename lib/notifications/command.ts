import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock, Timer } from '../clock.ts'
import type { Outcome } from './channel.ts'
import type { Invocation } from './request.ts'

/** Between being asked to end and being ended. */
export const KILL_GRACE_MS = 2_000
/** Of each of its two outputs: enough to see what went wrong, and little enough for a log. */
export const MAX_OUTPUT_BYTES = 2_048
/** What a command leaves running may hold its output open. */
const OUTPUT_GRACE_MS = 1_000

/** The machine has no room for a process now. */
const SHORTAGE = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'])

export interface CommandOptions {
  /** Absolute path. */
  file: string
  invocation: Invocation
  /** The PATH that the command gets. */
  path: string
  limitMs: number
  clock: Clock
  /** Aborted when the command shall end now. */
  signal: AbortSignal
  /** Told how it ended, and what it said. */
  report(ending: string, output: string): void
}

/**
 * Runs a command, without a shell, in a process group of its own, which ends as a whole when it takes too long.
 * @returns `done` for a command that was started, however it ended. Never rejects.
 */
export async function runCommand(options: CommandOptions): Promise<Outcome> {
  const { file, invocation, path, signal, report } = options
  let child: ChildProcess
  try {
    child = spawn(file, invocation.args, {
      cwd: '/',
      env: { PATH: path, ...invocation.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      shell: false,
    })
  } catch (error) {
    // An argument holds a NUL.
    return { kind: 'refused', reason: `the command cannot be started: ${messageOf(error)}` }
  }
  const output = collected([child.stdout, child.stderr])
  try {
    await once(child, 'spawn')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = `the command cannot be started: ${messageOf(error)}`
    return SHORTAGE.has(code) ? { kind: 'again', reason } : { kind: 'refused', reason }
  }
  const ending = await ended(child, options)
  report(ending, output())
  return signal.aborted ? { kind: 'again', reason: ending } : { kind: 'done' }
}

/** Says how it ended. */
async function ended(child: ChildProcess, { clock, limitMs, signal }: CommandOptions): Promise<string> {
  let cut = ''
  let killed = (): void => undefined
  const kill = new Promise<void>((resolve) => {
    killed = resolve
  })
  let grace: Timer | undefined
  const cutShort = (why: string) => {
    if (cut !== '') return
    cut = why
    signalGroup(child, 'SIGTERM')
    const end = () => {
      signalGroup(child, 'SIGKILL')
      killed()
    }
    grace = clock.after(KILL_GRACE_MS, end, { ref: true })
  }
  const limit = clock.after(limitMs, () => cutShort(`was ended after ${limitMs / 1000} s`))
  const abort = () => cutShort('was ended with the server')
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  const [code, by] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  limit.cancel()
  signal.removeEventListener('abort', abort)
  if (cut !== '') {
    // Its children may not have ended with it.
    if (signalGroup(child, 0)) await kill
    grace?.cancel()
    destroyOutput(child)
    return cut
  }
  await closed(child, clock)
  return by === null ? `ended with ${code}` : `was ended by ${by}`
}

/** Resolves when all that it said is there, or somebody else keeps its output open. */
async function closed(child: ChildProcess, clock: Clock): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null)
  await new Promise<void>((resolve) => {
    const timer = clock.after(OUTPUT_GRACE_MS, resolve)
    void Promise.all(
      streams.map(async (stream) => {
        if (!stream.closed) await once(stream, 'close').catch(() => undefined)
      }),
    ).then(() => {
      timer.cancel()
      resolve()
      return undefined
    })
  })
  destroyOutput(child)
}

function destroyOutput({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy()
  stderr?.destroy()
}

/** Reads on beyond the bound: a command that says much must not stop in the middle. */
function collected(streams: (Readable | null)[]): () => string {
  const texts = streams.map((stream) => {
    const kept: Buffer[] = []
    let room = MAX_OUTPUT_BYTES
    stream
      ?.on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        if (room === 0) return
        const part = Buffer.from(chunk.subarray(0, room))
        kept.push(part)
        room -= part.length
      })
    return kept
  })
  return () => Buffer.concat(texts.flat()).toString('utf8')
}

/** @returns whether anybody of it is left. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal)
  } catch {
    return false
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** @throws Error naming the key and what is wrong, when a command cannot be run. */
export async function assertCommand(key: string, file: string): Promise<void> {
  const wrong = (what: string) => new Error(`${key} is ${JSON.stringify(file)}: ${what}`)
  if (!isAbsolute(file)) throw wrong('want an absolute path')
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`it cannot be used (${error.code})`)
  })
  if (!found.isFile()) throw wrong('want a file that can be executed')
  await access(file, constants.X_OK).catch(() => {
    throw wrong('it may not be executed')
  })
}
