import { readFile } from 'node:fs/promises'

import { Client } from 'ssh2'
import type { ClientChannel, ConnectConfig } from 'ssh2'

import { within } from './time.ts'
import type { Receiver, Target, TargetOptions, Wire } from './target.ts'

const READY_WITHIN_MS = 20_000
/** How long a channel's close may take to be confirmed. */
const CLOSED_WITHIN_MS = 2000

type SshOptions = Extract<TargetOptions, { kind: 'ssh' }>

/** A host: one SSH connection, made again when it is lost, and on it a channel for each session. */
export class SshTarget implements Target {
  readonly name: string
  readonly username: string
  readonly served?: string
  readonly #config: ConnectConfig
  #connection: Promise<Client> | undefined

  private constructor(options: SshOptions, privateKey: Buffer | undefined) {
    this.name = `${options.username}@${options.host}:${options.port}`
    this.username = options.username
    if (options.served !== undefined) this.served = options.served
    this.#config = {
      host: options.host,
      port: options.port,
      username: options.username,
      readyTimeout: READY_WITHIN_MS,
      ...(options.password !== undefined && { password: options.password }),
      ...(privateKey && { privateKey }),
    }
  }

  /** @throws when the host does not answer or does not let the user in. */
  static async open(options: SshOptions): Promise<SshTarget> {
    const key = options.identity === undefined ? undefined : await readFile(options.identity)
    const target = new SshTarget(options, key)
    await target.#connected()
    return target
  }

  async connect(receiver: Receiver): Promise<Wire> {
    const connection = await this.#connected()
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      connection.subsys('sftp', (error, opened) => (error ? reject(error) : resolve(opened)))
    })
    return new ChannelWire(channel, receiver)
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    connection?.end()
  }

  #connected(): Promise<Client> {
    this.#connection ??= new Promise<Client>((resolve, reject) => {
      const connection = new Client()
      const lost = (): void => {
        this.#connection = undefined
      }
      connection
        .once('ready', () => resolve(connection))
        .on('error', (error) => {
          lost()
          reject(error)
        })
        .once('close', lost)
        .connect(this.#config)
    })
    return this.#connection
  }
}

class ChannelWire implements Wire {
  readonly #channel: ClientChannel
  readonly #closed: Promise<void>

  constructor(channel: ClientChannel, receiver: Receiver) {
    this.#channel = channel
    let over = false
    const ended = (): void => {
      if (!over) receiver.ended()
      over = true
    }
    this.#closed = new Promise((resolve) => channel.once('close', resolve))
    channel.on('data', (chunk: Buffer) => receiver.data(chunk))
    channel.once('end', ended).once('close', ended)
    channel.on('error', () => undefined)
    channel.stderr.on('error', () => undefined).resume()
  }

  send(bytes: Buffer): void {
    if (this.#channel.writable) this.#channel.write(bytes)
  }

  end(): void {
    this.#channel.end()
  }

  async close(): Promise<void> {
    this.#channel.end()
    this.#channel.close()
    await within(this.#closed, CLOSED_WITHIN_MS)
  }
}
