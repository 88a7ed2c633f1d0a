import { Client } from 'ssh2'
import type { ClientChannel, ConnectConfig } from 'ssh2'

import { SSH_FXF } from '../protocol/sftp/constants.ts'
import type { Response } from '../protocol/sftp/packets.ts'
import { SftpClient } from '../protocol/testing/client.ts'

/** What OpenSSH's client writes and reads at a time, where the server does not offer more. */
const BLOCK_BYTES = 32 * 1024
/** Logins at the same time, below what a server refuses at random. */
const PARALLEL_LOGINS = 8

/** A client in this process that keeps a set number of requests under way, and notes how long each took. */
export class LoadClient {
  readonly #connection: Client
  readonly #sftp: SftpClient
  /** Of any request so far. */
  longestMs = 0

  private constructor(connection: Client, channel: ClientChannel) {
    this.#connection = connection
    this.#sftp = new SftpClient((bytes) => void channel.write(bytes))
    channel.on('data', (chunk: Buffer) => {
      this.#sftp.receive(chunk)
      // What a test looks back at; here it would be every byte of every download.
      this.#sftp.received.length = 0
    })
  }

  /** Logs in and starts SFTP. @throws when either is refused. */
  static async open(config: ConnectConfig): Promise<LoadClient> {
    const connection = new Client()
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      connection
        .on('error', reject)
        .on('ready', () => connection.subsys('sftp', (error, opened) => (error ? reject(error) : resolve(opened))))
        .connect(config)
      connection.setNoDelay(true)
    })
    const client = new LoadClient(connection, channel)
    await client.#sftp.init()
    return client
  }

  /** @param count of them, each with a connection of its own. */
  static async openAll(config: ConnectConfig, count: number): Promise<LoadClient[]> {
    const clients: LoadClient[] = []
    let begun = 0
    const one = async (): Promise<void> => {
      while (begun++ < count) clients.push(await LoadClient.open(config))
    }
    await Promise.all(Array.from({ length: PARALLEL_LOGINS }, one))
    return clients
  }

  end(): void {
    this.#connection.end()
  }

  /** @returns seconds from the first WRITE to the answer to the last. @throws when one is refused. */
  async put(path: string, block: Buffer, bytes: number, inFlightBytes: number): Promise<number> {
    const handle = await this.#open(path, SSH_FXF.WRITE | SSH_FXF.CREAT | SSH_FXF.TRUNC)
    const start = performance.now()
    await this.#pipelined(bytes, inFlightBytes, async (offset, length) => {
      const data = [block.subarray(0, length)]
      this.#must(await this.#sftp.request({ kind: 'write', handle, offset: BigInt(offset), data }), 'status')
    })
    const seconds = (performance.now() - start) / 1000
    this.#must(await this.#sftp.request({ kind: 'close', handle }), 'status')
    return seconds
  }

  /** @param take gets every block, in any order. @returns seconds. @throws when one is refused or short. */
  async get(
    path: string,
    bytes: number,
    inFlightBytes: number,
    take: (offset: number, data: Buffer) => void,
  ): Promise<number> {
    const handle = await this.#open(path, SSH_FXF.READ)
    const start = performance.now()
    await this.#pipelined(bytes, inFlightBytes, async (offset, len) => {
      const reply = await this.#sftp.request({ kind: 'read', handle, offset: BigInt(offset), len })
      if (reply.kind !== 'data') throw new Error(`READ was answered with ${JSON.stringify(reply)}`)
      const data = Buffer.concat(reply.data)
      if (data.length !== len) throw new Error(`READ of ${len} bytes gave ${data.length}`)
      take(offset, data)
    })
    const seconds = (performance.now() - start) / 1000
    this.#must(await this.#sftp.request({ kind: 'close', handle }), 'status')
    return seconds
  }

  /** @returns how many names a directory has. @throws when it is refused. */
  async list(path: string): Promise<number> {
    const opened = await this.#sftp.request({ kind: 'opendir', path })
    if (opened.kind !== 'handle') throw new Error(`OPENDIR was answered with ${JSON.stringify(opened)}`)
    const { handle } = opened
    let names = 0
    for (;;) {
      const reply = await this.#sftp.request({ kind: 'readdir', handle })
      if (reply.kind !== 'name') break
      names += reply.entries.length
    }
    this.#must(await this.#sftp.request({ kind: 'close', handle }), 'status')
    return names
  }

  async #open(filename: string, pflags: number): Promise<Buffer> {
    const reply = await this.#sftp.request({ kind: 'open', filename, pflags, attrs: {} })
    if (reply.kind !== 'handle') throw new Error(`OPEN was answered with ${JSON.stringify(reply)}`)
    return reply.handle
  }

  async #pipelined(
    bytes: number,
    inFlightBytes: number,
    request: (offset: number, length: number) => Promise<void>,
  ): Promise<void> {
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < bytes) {
        const offset = next
        const length = Math.min(BLOCK_BYTES, bytes - offset)
        next += length
        const start = performance.now()
        await request(offset, length)
        this.longestMs = Math.max(this.longestMs, performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, Math.floor(inFlightBytes / BLOCK_BYTES)) }, worker))
  }

  #must(reply: Response, kind: 'status'): void {
    if (reply.kind !== kind || reply.code !== 0) throw new Error(`a request was answered with ${JSON.stringify(reply)}`)
  }
}
