import { readFile } from 'node:fs/promises'

import { Client } from 'ssh2'
import type { ClientChannel } from 'ssh2'

import { SftpClient } from '../../protocol/testing/client.ts'
import type { Unnumbered } from '../../protocol/testing/client.ts'
import type { Response } from '../../protocol/sftp/packets.ts'
import type { Scope } from '../harness/scope.ts'
import type { Server } from '../harness/server.ts'
import type { Needles } from './canaries.ts'

/** A request was answered with a status that is not OK. */
export class Refused extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** One SSH connection with an SFTP session; everything the server says in it is looked at. */
export class Attacker {
  readonly #sftp: SftpClient
  #lost: Error | undefined

  private constructor(connection: Client, channel: ClientChannel, needles: Needles) {
    this.#sftp = new SftpClient((bytes) => void channel.write(bytes))
    channel.on('data', (chunk: Buffer) => {
      needles.look(chunk)
      this.#sftp.receive(chunk)
      // Nobody asks for old replies, and there are millions.
      this.#sftp.received.length = 0
    })
    connection.on('close', () => (this.#lost = new Error('the server ended the connection')))
  }

  static async open(
    scope: Scope,
    server: Server,
    login: { username: string; privateKeyFile: string },
    needles: Needles,
  ): Promise<Attacker> {
    const privateKey = await readFile(login.privateKeyFile)
    const connection = new Client()
    scope.defer(() => void connection.end())
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      connection
        .on('error', reject)
        .on('ready', () => connection.subsys('sftp', (error, opened) => (error ? reject(error) : resolve(opened))))
        .connect({ host: server.host, port: server.port, username: login.username, privateKey })
      connection.setNoDelay(true)
    })
    const attacker = new Attacker(connection, channel, needles)
    await attacker.#sftp.init()
    return attacker
  }

  /** @throws Refused when the server does, Error when the connection is gone. */
  async ask(request: Unnumbered): Promise<Response> {
    if (this.#lost !== undefined) throw this.#lost
    const response = await this.#sftp.request(request)
    if (response.kind === 'status' && response.code !== 0) throw new Refused(response.code, response.message)
    return response
  }

  /** Opens, and closes whatever comes of it. */
  async withFile<T>(filename: string, pflags: number, use: (handle: Buffer) => Promise<T>): Promise<T> {
    const opened = await this.ask({ kind: 'open', filename, pflags, attrs: {} })
    if (opened.kind !== 'handle') throw new Error(`OPEN was answered with ${opened.kind}`)
    try {
      return await use(opened.handle)
    } finally {
      await this.ask({ kind: 'close', handle: opened.handle })
    }
  }
}
