import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { LocalFileSystem } from '../../lib/vfs/local-filesystem.ts'
import { nodeStorage } from '../../lib/vfs/storage.ts'
import { SftpServer } from '../../protocol/sftp/server.ts'
import type { Receiver, Target, Wire } from './target.ts'

/** This project's engine over a temporary directory, in this process: no network, no account rules. */
export class EngineTarget implements Target {
  readonly name = 'sftpgo (engine)'
  readonly username = 'conformance'
  readonly served: string
  readonly #fs: LocalFileSystem

  private constructor(served: string, fs: LocalFileSystem) {
    this.served = served
    this.#fs = fs
  }

  static async open(): Promise<EngineTarget> {
    const served = await mkdtemp(join(tmpdir(), 'sftp-conformance-'))
    const fs = await LocalFileSystem.open({ storage: nodeStorage, home: served, authorizeOverwrite: () => undefined })
    return new EngineTarget(served, fs)
  }

  async connect(receiver: Receiver): Promise<Wire> {
    return new EngineWire(this.#fs, this.username, receiver)
  }

  async close(): Promise<void> {
    this.#fs.close()
    await rm(this.served, { recursive: true, force: true })
  }
}

/** Does for the engine what an SSH channel does: carries bytes, stops when it is told to, ends. */
class EngineWire implements Wire {
  readonly #server: SftpServer
  readonly #receiver: Receiver
  readonly #incoming: Buffer[] = []
  #ready = true
  #clientDone = false
  #over: Promise<void> | undefined
  /** Replies under way to the client. */
  #delivering = 0
  #delivered: (() => void) | undefined

  constructor(fs: LocalFileSystem, username: string, receiver: Receiver) {
    this.#receiver = receiver
    this.#server = new SftpServer({
      fs,
      username,
      driver: {
        send: (bytes, sent) => this.#deliver(bytes, sent),
        resume: () => {
          this.#ready = true
          this.#pump()
        },
        fail: () => void this.#finish(),
        report: () => undefined,
        active: () => undefined,
        now: () => Date.now(),
      },
    })
  }

  send(bytes: Buffer): void {
    // A copy, as a network makes one: the caller may reuse its buffer.
    this.#incoming.push(Buffer.from(bytes))
    this.#pump()
  }

  end(): void {
    this.#clientDone = true
    this.#pump()
  }

  async close(): Promise<void> {
    await this.#server.abandon()
    await this.#finish()
  }

  #pump(): void {
    while (this.#ready && this.#over === undefined) {
      const chunk = this.#incoming.shift()
      if (chunk === undefined) break
      this.#ready = this.#server.receive(chunk)
    }
    if (this.#clientDone && this.#incoming.length === 0) void this.#finish()
  }

  #deliver(bytes: Buffer, sent: () => void): void {
    this.#delivering++
    setImmediate(() => {
      this.#receiver.data(Buffer.from(bytes))
      sent()
      if (--this.#delivering === 0) this.#delivered?.()
    })
  }

  #finish(): Promise<void> {
    this.#over ??= this.#end()
    return this.#over
  }

  async #end(): Promise<void> {
    await this.#server.end()
    if (this.#delivering > 0) await new Promise<void>((resolve) => (this.#delivered = resolve))
    this.#receiver.ended()
  }
}
