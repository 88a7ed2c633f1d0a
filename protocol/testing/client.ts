import { decodeResponse, encodeRequest, frame } from '../sftp/codec.ts'
import { SFTP_VERSION, SSH_FXP } from '../sftp/constants.ts'
import { Deframer } from '../sftp/deframer.ts'
import type { Request, RequestKind, Response, ResponseKind } from '../sftp/packets.ts'

/** A request as a test writes it: the client chooses the id. */
export type Unnumbered = { [K in RequestKind]: Omit<Extract<Request, { kind: K }>, 'id'> }[RequestKind]

/** What an EXTENDED_REPLY to each request holds: the packet itself does not say. */
export const EXTENDED_REPLIES: Readonly<Partial<Record<RequestKind, ResponseKind>>> = {
  statvfs: 'statvfsReply',
  fstatvfs: 'statvfsReply',
  limits: 'limitsReply',
  usersGroupsById: 'usersGroupsReply',
  checkFileName: 'checkFileReply',
  checkFile: 'checkFileReply',
  checkFileHandle: 'checkFileReply',
  spaceAvailable: 'spaceAvailableReply',
}

/** Longer than any server's replies. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024

interface Waiting {
  reply: ResponseKind | undefined
  resolve(response: Response): void
}

/** The client's side of one SFTP session over any byte stream: numbers requests and finds the reply to each. */
export class SftpClient {
  /** Every reply, in order of arrival. */
  readonly received: Response[] = []
  /** Replies that nobody waits for: a second one to a request, or one to none. */
  readonly unexpected: Response[] = []
  readonly #write: (bytes: Buffer) => void
  readonly #waiting = new Map<number, Waiting>()
  readonly #deframer = new Deframer(MAX_RESPONSE_BYTES)
  /** 0 stands for VERSION, which has no id. */
  #lastId = 0

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /** Ids of requests without a reply yet. */
  get unanswered(): number[] {
    return [...this.#waiting.keys()]
  }

  /** Sends INIT. */
  init(): Promise<Response> {
    return this.request({ kind: 'init', version: SFTP_VERSION, extensions: [] })
  }

  /** Sends a request; resolves with its reply, whatever that is. */
  request(request: Unnumbered): Promise<Response> {
    const { packet, reply } = this.prepare(request)
    this.#write(packet)
    return reply
  }

  /** A request as framed bytes that the caller sends, and its reply. */
  prepare(request: Unnumbered): { id: number; packet: Buffer; reply: Promise<Response> } {
    const id = request.kind === 'init' ? 0 : ++this.#lastId
    const reply = this.#expect(id, EXTENDED_REPLIES[request.kind])
    return { id, packet: frame(encodeRequest({ ...request, id })), reply }
  }

  /** Sends a packet that the codec would not make; `body` follows the type and the id. */
  raw(type: number, body: Buffer): Promise<Response> {
    const id = ++this.#lastId
    const header = Buffer.alloc(5)
    header[0] = type
    header.writeUInt32BE(id, 1)
    const reply = this.#expect(id)
    this.#write(frame(Buffer.concat([header, body])))
    return reply
  }

  /** Takes bytes of the server, cut anywhere. @throws BadMessage when they are no response. */
  receive(chunk: Buffer): void {
    for (const { head, tail } of this.#deframer.push(chunk)) this.#take(Buffer.concat([head, ...tail]))
  }

  #expect(id: number, reply?: ResponseKind): Promise<Response> {
    return new Promise((resolve) => this.#waiting.set(id, { reply, resolve }))
  }

  #take(packet: Buffer): void {
    const id = packet[0] === SSH_FXP.VERSION ? 0 : packet.readUInt32BE(1)
    const waiting = this.#waiting.get(id)
    const response = decodeResponse(packet, waiting?.reply)
    this.received.push(response)
    if (waiting === undefined) this.unexpected.push(response)
    this.#waiting.delete(id)
    waiting?.resolve(response)
  }
}
