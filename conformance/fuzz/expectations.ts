import { BadRequest, decodeRequest, decodeResponse } from '../../protocol/sftp/codec.ts'
import { SSH_FX, SSH_FXP } from '../../protocol/sftp/constants.ts'
import type { Request, RequestKind, Response, ResponseKind, UnknownRequest } from '../../protocol/sftp/packets.ts'
import { EXTENDED_REPLIES } from '../../protocol/testing/client.ts'
import { BadMessage } from '../../protocol/wire/bad-message.ts'
import { frames } from './frames.ts'
import { Violation } from './input.ts'

/** What each request earns when it succeeds: a status where nothing else stands. */
const EARNS: Readonly<Partial<Record<RequestKind, ResponseKind>>> = {
  ...EXTENDED_REPLIES,
  init: 'version',
  open: 'handle',
  opendir: 'handle',
  read: 'data',
  readdir: 'name',
  readlink: 'name',
  realpath: 'name',
  expandPath: 'name',
  homeDirectory: 'name',
  stat: 'attrs',
  lstat: 'attrs',
  fstat: 'attrs',
}

/** VERSION answers INIT; neither has an id. */
const NO_ID = -1

interface Expected {
  id: number
  kind: Request['kind'] | 'unknown' | 'refused'
  /** Where in the stream its packet ends. */
  end: number
  request: Request | UnknownRequest | undefined
}

/** All that one stream may be answered with, and in which order, found out without the engine's state machine. */
export class Expectations {
  /** Where the stream breaks the protocol: what is behind has no reply. */
  readonly refusedAt: number | undefined
  readonly #all: Expected[] = []
  /** Requests that are sent completely, and those of them that have their reply. */
  #fed = 0
  #answered = 0
  readonly #maxReadBytes: number
  readonly #seen: (combination: string) => void

  constructor(
    stream: Buffer,
    limits: { maxPacketBytes: number; maxReadBytes: number },
    seen: (combination: string) => void,
  ) {
    this.#maxReadBytes = limits.maxReadBytes
    this.#seen = seen
    this.refusedAt = expect(stream, limits.maxPacketBytes, this.#all)
  }

  /** Requests without a reply yet; what was not sent completely does not count. */
  get unanswered(): number {
    return this.#fed - this.#answered
  }

  /** Requests that were sent completely. */
  get fed(): number {
    return this.#fed
  }

  /** The stream is sent up to there. @returns requests that are complete since the last time. */
  feed(position: number): number {
    const before = this.#fed
    while (this.#fed < this.#all.length && (this.#all[this.#fed] as Expected).end <= position) this.#fed++
    return this.#fed - before
  }

  /** The next reply. @returns the kind of the request that it answers. @throws Violation when it cannot be one. */
  answer(packet: Buffer): Expected['kind'] {
    const id = packet[0] === SSH_FXP.VERSION || packet.length < 5 ? NO_ID : packet.readUInt32BE(1)
    const open = this.#all.slice(this.#answered, this.#fed)
    const [next] = open
    if (next === undefined || id !== next.id) {
      const known = open.some((expected) => expected.id === id)
      throw new Violation(
        known ? 'order' : 'reply-to-nothing',
        `${packet.toString('hex')} answers ${known ? 'a later request first' : 'no request'}`,
      )
    }
    this.#answered++
    const response = decode(packet, next.kind)
    this.#seen(`${next.kind} ${response.kind === 'status' ? `status ${response.code}` : response.kind}`)
    this.#check(response, next)
    return next.kind
  }

  #check(response: Response, { kind, request }: Expected): void {
    if (response.kind === 'status' ? !mayEnd(kind, response.code) : response.kind !== earns(kind)) {
      const what = response.kind === 'status' ? `status ${response.code} (${response.message})` : response.kind
      throw new Violation('reply', `${what} cannot answer ${kind}`)
    }
    if (response.kind !== 'data' || request?.kind !== 'read') return
    const length = response.data.reduce((total, part) => total + part.length, 0)
    // OpenSSH's server answers a READ of nothing with DATA of nothing.
    if ((length === 0 && request.len > 0) || length > Math.min(request.len, this.#maxReadBytes)) {
      throw new Violation('reply', `${length} bytes of data where ${request.len} were asked for`)
    }
  }
}

/** @returns where the stream is refused, undefined where it never is. */
function expect(stream: Buffer, maxPacketBytes: number, all: Expected[]): number | undefined {
  const framing = frames(stream, maxPacketBytes)
  let initialised = false
  for (const { start, end } of framing.packets) {
    const packet = stream.subarray(start, end)
    try {
      const request = decodeRequest(packet)
      if (request.kind !== 'init' && !initialised) return end
      initialised = true
      all.push({ id: request.kind === 'init' ? NO_ID : request.id, kind: request.kind, end, request })
    } catch (error) {
      if (error instanceof BadRequest) all.push({ id: error.id, kind: 'refused', end, request: undefined })
      return end
    }
  }
  return framing.broken ? framing.end : undefined
}

function earns(kind: Expected['kind']): ResponseKind | undefined {
  return kind === 'unknown' || kind === 'refused' ? undefined : (EARNS[kind] ?? 'status')
}

function decode(packet: Buffer, kind: Expected['kind']): Response {
  try {
    return decodeResponse(packet, earns(kind))
  } catch (error) {
    if (error instanceof BadMessage) throw new Violation('reply', `not a response: ${error.message}`)
    throw error
  }
}

/** Whether a request of that kind may end with that status. */
function mayEnd(kind: Expected['kind'], code: number): boolean {
  if (kind === 'refused') return code === SSH_FX.BAD_MESSAGE
  if (kind === 'unknown') return code === SSH_FX.OP_UNSUPPORTED
  if (code === SSH_FX.OK) return earns(kind) === 'status'
  if (code === SSH_FX.EOF) return kind === 'read' || kind === 'readdir'
  return code <= SSH_FX.BAD_MESSAGE || code === SSH_FX.OP_UNSUPPORTED
}
