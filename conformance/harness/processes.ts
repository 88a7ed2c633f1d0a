import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

import { processStat, processTree } from './proc.ts'
import type { ProcessStat } from './proc.ts'
import type { Scope } from './scope.ts'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Finished extends Exit {
  stdout: string
  stderr: string
}

export interface StartOptions {
  cwd?: string
  /** The whole environment: nothing is inherited, so that a developer's agent or locale changes no result. */
  env?: Record<string, string>
  /** Written to standard input, which is then closed. */
  input?: Buffer
}

const GRACE_MS = 5_000
const KEPT_OUTPUT_CHARS = 4 * 1024 * 1024

/** A process that ends with its scope, together with the processes that it started. */
export class Child {
  readonly pid: number
  /** Settled when the process has ended and all its output is here. */
  readonly exited: Promise<Exit>
  /** Settled when the process has ended: what it started may live on and hold its output open. */
  readonly #ended: Promise<true>
  readonly #name: string
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''
  #exit: Exit | undefined

  constructor(scope: Scope, program: string, args: readonly string[], options: StartOptions = {}) {
    this.#name = program.split('/').at(-1) ?? program
    const child = spawn(program, args, { cwd: options.cwd, env: options.env ?? cleanEnv(), stdio: 'pipe' })
    this.#process = child
    // Without a listener it would be an uncaught exception; the missing pid and the exit tell of every failure.
    child.on('error', () => undefined)
    if (child.pid === undefined) throw new Error(`${program} could not be started`)
    this.pid = child.pid
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout = keep(this.#stdout, text)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr = keep(this.#stderr, text)))
    // A client that was refused ends without reading its input: the exit code tells, not EPIPE.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')

    this.#ended = new Promise((resolve) => child.once('exit', () => resolve(true)))
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal }
        resolve(this.#exit)
      })
    })
    const forget = scope.defer(async () => void (await this.stop()))
    void this.exited.then(forget)
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  /** Both streams, for error messages. */
  output(): string {
    return [this.#stdout, this.#stderr].filter(Boolean).join('\n').trim()
  }

  async finished(): Promise<Finished> {
    const exit = await this.exited
    return { ...exit, stdout: this.#stdout, stderr: this.#stderr }
  }

  /** @throws with all its output when it ends, or the time does, before the output matches. */
  waitForOutput(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const streams = [this.#process.stdout, this.#process.stderr]
      const settle = (): void => {
        clearTimeout(timer)
        for (const stream of streams) stream?.off('data', look)
      }
      const look = (): void => {
        const match = pattern.exec(this.output())
        if (!match) return
        settle()
        resolve(match)
      }
      const fail = (what: string): void => {
        settle()
        reject(new Error(`${this.#name} ${what}: ${this.output() || '(no output)'}`))
      }
      const timer = setTimeout(() => fail(`is not ready after ${timeoutMs} ms`), timeoutMs)
      for (const stream of streams) stream?.on('data', look)
      void this.exited.then(({ code, signal }) => fail(`ended with ${code ?? signal}`))
      look()
    })
  }

  /** SIGTERM, then SIGKILL for what is still there, descendants included. */
  async stop(): Promise<Exit> {
    if (!this.running) return this.exited
    const tree = processTree(this.pid)
    this.#process.kill('SIGTERM')
    const inTime = await Promise.race([this.#ended, sleep(GRACE_MS, false, { ref: false })])
    if (!inTime) this.#process.kill('SIGKILL')
    killAll(tree.slice(1))
    return this.exited
  }

  /** SIGKILL to the process and its descendants, as when a machine goes away. */
  kill(): Promise<Exit> {
    if (this.running) killAll(processTree(this.pid))
    return this.exited
  }
}

/** Runs a program to its end. @throws when it takes longer than the time given. */
export async function run(
  scope: Scope,
  program: string,
  args: readonly string[],
  options: StartOptions & { timeoutMs?: number } = {},
): Promise<Finished> {
  const child = new Child(scope, program, args, options)
  return finishedWithin(child, options.timeoutMs ?? 60_000)
}

export async function finishedWithin(child: Child, timeoutMs: number): Promise<Finished> {
  const timer = new AbortController()
  const late = sleep(timeoutMs, true, { signal: timer.signal }).catch(() => false)
  const first = await Promise.race([child.exited, late])
  timer.abort()
  if (first === true) {
    await child.kill()
    throw new Error(`not finished after ${timeoutMs} ms: ${child.output()}`)
  }
  return child.finished()
}

export function cleanEnv(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = process.env
  return { PATH, HOME, LC_ALL: 'C' }
}

function killAll(processes: readonly ProcessStat[]): void {
  for (const { pid, startTicks } of processes) {
    // The pid may be another program's by now.
    if (processStat(pid)?.startTicks !== startTicks) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}

function keep(kept: string, text: string): string {
  return (kept + text).slice(-KEPT_OUTPUT_CHARS)
}
