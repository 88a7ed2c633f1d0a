import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

import { within } from './time.ts'
import type { Receiver, Target, Wire } from './target.ts'

/** How long a program may take to notice that its client is gone. */
const EXIT_WITHIN_MS = 2000

/** A program that speaks SFTP on its standard streams, started anew in a temporary directory for each session. */
export class StdioTarget implements Target {
  readonly name: string
  readonly username = userInfo().username
  readonly served: string
  readonly #command: string

  private constructor(command: string, served: string) {
    this.name = command
    this.#command = command
    this.served = served
  }

  static async open(command: string): Promise<StdioTarget> {
    return new StdioTarget(command, await mkdtemp(join(tmpdir(), 'sftp-conformance-')))
  }

  async connect(receiver: Receiver): Promise<Wire> {
    const child = spawn('/bin/sh', ['-c', `exec ${this.#command}`], { cwd: this.served })
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    return new ProcessWire(child, receiver)
  }

  async close(): Promise<void> {
    await rm(this.served, { recursive: true, force: true })
  }
}

class ProcessWire implements Wire {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<void>

  constructor(child: ChildProcessWithoutNullStreams, receiver: Receiver) {
    this.#child = child
    this.#closed = new Promise((resolve) => {
      child.once('close', () => {
        receiver.ended()
        resolve()
      })
    })
    child.on('error', () => undefined)
    // A server that ended takes no more: the receiver learns of it from 'close'.
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => receiver.data(chunk))
    child.stderr.resume()
  }

  send(bytes: Buffer): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(bytes)
  }

  end(): void {
    this.#child.stdin.end()
  }

  async close(): Promise<void> {
    this.#child.stdin.end()
    if (await within(this.#closed, EXIT_WITHIN_MS)) return
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}
