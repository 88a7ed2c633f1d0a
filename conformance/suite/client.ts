import { decodeResponse, encodeRequest, frame } from '../../protocol/sftp/codec.ts'
import { SFTP_VERSION, SSH_FXP } from '../../protocol/sftp/constants.ts'
import { Deframer } from '../../protocol/sftp/deframer.ts'
import type { Request, RequestKind, Response, ResponseKind } from '../../protocol/sftp/packets.ts'
import type { Receiver, Target, Wire } from './target.ts'
import { within } from './time.ts'

/** A request as a case writes it: the client chooses the id. */
export type Unnumbered = { [K in RequestKind]: Omit<Extract<Request, { kind: K }>, 'id'> }[RequestKind]

/** What came of a request; a server that says nothing, says nonsense or hangs up is an outcome like others. */
export type Outcome = Response | { kind: 'ended' } | { kind: 'no reply' } | { kind: 'unreadable'; reason: string }

/** A server that has not replied by then does not reply: a hang. */
export const REPLY_WITHIN_MS = 5000
/** A reply that is not there by then is asked after, and how long it may then come behind the answer. */
const OVERTAKEN_WITHIN_MS = 100
/** Longer than any server's replies. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024
/** Stands for the id that VERSION does not have. */
const NO_ID = -1

/** What an EXTENDED_REPLY to each request holds: the packet itself does not say. */
const EXTENDED_REPLIES: Readonly<Partial<Record<RequestKind, ResponseKind>>> = {
  statvfs: 'statvfsReply',
  fstatvfs: 'statvfsReply',
  limits: 'limitsReply',
  usersGroupsById: 'usersGroupsReply',
  checkFileName: 'checkFileReply',
  checkFileHandle: 'checkFileReply',
  spaceAvailable: 'spaceAvailableReply',
}

interface Waiting {
  reply: ResponseKind | undefined
  settle(outcome: Outcome): void
}

/** The client's side of one SFTP session: numbers requests and finds the reply to each. */
export class Client implements Receiver {
  /** In order of arrival. */
  readonly received: Response[] = []
  /** Replies nobody asked for: a second one to a request, or one to none. */
  readonly unasked: Response[] = []
  readonly #waiting = new Map<number, Waiting[]>()
  readonly #deframer = new Deframer(MAX_RESPONSE_BYTES)
  readonly #over: Promise<void>
  #markOver: () => void = () => undefined
  #ended = false
  #lastId = 0
  #wire: Wire | undefined

  private constructor() {
    this.#over = new Promise((resolve) => {
      this.#markOver = resolve
    })
  }

  /** A session in which nothing was said yet. @throws when the server cannot be reached. */
  static async connect(target: Target): Promise<Client> {
    const client = new Client()
    client.#wire = await target.connect(client)
    return client
  }

  init(version: number = SFTP_VERSION, extensions: { name: string; data: Buffer }[] = []): Promise<Outcome> {
    return this.request({ kind: 'init', version, extensions })
  }

  request(request: Unnumbered): Promise<Outcome> {
    const { packet, reply } = this.prepare(request)
    this.send(packet)
    return reply
  }

  /** A framed packet that the caller sends, however cut, and the reply to it. */
  prepare(request: Unnumbered, id = ++this.#lastId): { packet: Buffer; reply: Promise<Outcome> } {
    const reply = this.#expect(request.kind === 'init' ? NO_ID : id, EXTENDED_REPLIES[request.kind])
    return { packet: frame(encodeRequest({ ...request, id })), reply }
  }

  /** A packet that the codec would not make; `body` follows the type and the id. */
  raw(type: number, body: Buffer): Promise<Outcome> {
    const id = ++this.#lastId
    const header = Buffer.alloc(5)
    header[0] = type
    header.writeUInt32BE(id, 1)
    const reply = this.#expect(id, undefined)
    this.send(frame(Buffer.concat([header, body])))
    return reply
  }

  /** As {@link raw}, for what some servers leave unanswered: a reply to a later request shows that they did. */
  async rawOrSilence(type: number, body: Buffer): Promise<Outcome> {
    const asked = this.raw(type, body)
    // A chunk of its own: OpenSSH looks at a request behind one that it drops only when more bytes come.
    if (await within(asked, OVERTAKEN_WITHIN_MS)) return asked
    const later = await this.request({ kind: 'realpath', path: '.' })
    if (later.kind === 'no reply' || later.kind === 'ended') return asked
    return (await within(asked, OVERTAKEN_WITHIN_MS)) ? asked : { kind: 'no reply' }
  }

  /** Bytes as they are. */
  send(bytes: Buffer): void {
    this.#wire?.send(bytes)
  }

  /** Nothing more will be sent. */
  end(): void {
    this.#wire?.end()
  }

  /** @returns whether the server ends the session in time. */
  endsWithin(limitMs = REPLY_WITHIN_MS): Promise<boolean> {
    return within(this.#over, limitMs)
  }

  async close(): Promise<void> {
    await this.#wire?.close()
  }

  data(chunk: Buffer): void {
    try {
      for (const { head, tail } of this.#deframer.push(chunk)) this.#take(Buffer.concat([head, ...tail]))
    } catch (error) {
      this.#settleAll({ kind: 'unreadable', reason: String(error) })
    }
  }

  ended(): void {
    this.#ended = true
    this.#settleAll({ kind: 'ended' })
    this.#markOver()
  }

  #expect(id: number, reply: ResponseKind | undefined): Promise<Outcome> {
    if (this.#ended) return Promise.resolve({ kind: 'ended' })
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiting.settle({ kind: 'no reply' }), REPLY_WITHIN_MS)
      const waiting: Waiting = {
        reply,
        settle: (outcome) => {
          clearTimeout(timer)
          const others = (this.#waiting.get(id) ?? []).filter((other) => other !== waiting)
          if (others.length > 0) this.#waiting.set(id, others)
          else this.#waiting.delete(id)
          resolve(outcome)
        },
      }
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiting])
    })
  }

  #take(packet: Buffer): void {
    const hasId = packet[0] !== SSH_FXP.VERSION && packet.length >= 5
    const waiting = this.#waiting.get(hasId ? packet.readUInt32BE(1) : NO_ID)?.[0]
    let outcome: Outcome
    try {
      const response = decodeResponse(packet, waiting?.reply)
      this.received.push(response)
      if (waiting === undefined) this.unasked.push(response)
      outcome = response
    } catch (error) {
      outcome = { kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) }
    }
    if (waiting !== undefined) waiting.settle(outcome)
    // Whatever it was meant for: who waits learns why nothing will come.
    else if (outcome.kind === 'unreadable') this.#settleAll(outcome)
  }

  #settleAll(outcome: Outcome): void {
    for (const waiting of [...this.#waiting.values()].flat()) waiting.settle(outcome)
  }
}
