import { readFile } from 'node:fs/promises'

import { Client } from 'ssh2'
import type { ClientChannel } from 'ssh2'

import { decodeResponse, encodeRequest, frame } from '../../protocol/sftp/codec.ts'
import { SFTP_VERSION } from '../../protocol/sftp/constants.ts'
import { Deframer } from '../../protocol/sftp/deframer.ts'
import type { Request, RequestKind, Response, ResponseKind } from '../../protocol/sftp/packets.ts'
import type { Context, Place } from '../case.ts'

/** A request without its id. */
type Unnumbered = { [K in RequestKind]: Omit<Extract<Request, { kind: K }>, 'id'> }[RequestKind]

export type ResponseOf<K extends ResponseKind> = Extract<Response, { kind: K }>

/**
 * SFTP on a channel of ssh2, with no more in it than the codec: names are bytes, and a reply is taken from the channel
 * when it is asked for and no sooner.
 */
export class CodecClient {
  readonly #connection: Client
  readonly #channel: ClientChannel
  readonly #packets: AsyncGenerator<Buffer, void>
  #lastId = 0

  private constructor(connection: Client, channel: ClientChannel) {
    this.#connection = connection
    this.#channel = channel
    this.#packets = packets(channel)
  }

  /** A session that ends with the case. */
  static async open({ scope, server }: Context, { username, key }: Place): Promise<CodecClient> {
    const privateKey = await readFile(key.privateKeyFile)
    const connection = new Client()
    scope.defer(() => void connection.end())
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      connection
        .on('error', reject)
        .on('ready', () => connection.subsys('sftp', (error, opened) => (error ? reject(error) : resolve(opened))))
        .connect({ host: server.host, port: server.port, username, privateKey })
    })
    const client = new CodecClient(connection, channel)
    await client.send({ kind: 'init', version: SFTP_VERSION, extensions: [] })
    expectKind(await client.reply(), 'version')
    return client
  }

  /** Resolves when the channel has taken all of it, which the server's window may put off. @returns the id. */
  async send(request: Unnumbered): Promise<number> {
    const id = ++this.#lastId
    const packet = frame(encodeRequest({ ...request, id }))
    await new Promise<void>((resolve, reject) => {
      this.#channel.write(packet, (error) => (error ? reject(error) : resolve()))
    })
    return id
  }

  /** The next reply in the order of arrival. @throws when the session is over. */
  async reply(): Promise<Response> {
    const next = await this.#packets.next()
    if (next.done) throw new Error('the server ended the session')
    return decodeResponse(next.value)
  }

  /** One request, and the reply to it. @throws when the reply is of another kind. */
  async request<K extends ResponseKind>(request: Unnumbered, kind: K): Promise<ResponseOf<K>> {
    const id = await this.send(request)
    const reply = expectKind(await this.reply(), kind)
    if (reply.id !== id) throw new Error(`request ${id} was answered with the id ${reply.id}`)
    return reply
  }

  /** @throws when the status is not SSH_FX_OK. */
  async ask(request: Unnumbered): Promise<void> {
    const { code, message } = await this.request(request, 'status')
    if (code !== 0) throw new Error(`${request.kind} was answered with status ${code}: ${message}`)
  }

  /** Starts a key exchange, which ssh2 has no public call for. */
  rekey(): void {
    const { _protocol: protocol } = this.#connection as unknown as { _protocol: { rekey(): void } }
    protocol.rekey()
  }
}

export function expectKind<K extends ResponseKind>(response: Response, kind: K): ResponseOf<K> {
  if (response.kind === kind) return response as ResponseOf<K>
  const detail = response.kind === 'status' ? ` ${response.code}: ${response.message}` : ''
  throw new Error(`the reply is not ${kind} but ${response.kind}${detail}`)
}

async function* packets(channel: ClientChannel): AsyncGenerator<Buffer, void> {
  const deframer = new Deframer()
  for await (const chunk of channel) {
    for (const { head, tail } of deframer.push(chunk as Buffer)) yield Buffer.concat([head, ...tail])
  }
}
