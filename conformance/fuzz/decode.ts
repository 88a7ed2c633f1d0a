import { isDeepStrictEqual } from 'node:util'
import { BadRequest, decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../protocol/sftp/codec.ts'
import { SSH_FXP } from '../../protocol/sftp/constants.ts'
import { Deframer } from '../../protocol/sftp/deframer.ts'
import type { Framed } from '../../protocol/sftp/deframer.ts'
import { REQUESTS, RESPONSES } from '../../protocol/sftp/packets.ts'
import type { Request, Response, ResponseKind, UnknownRequest } from '../../protocol/sftp/packets.ts'
import { BadMessage } from '../../protocol/wire/bad-message.ts'
import { frames } from './frames.ts'
import { Violation, cut } from './input.ts'
import type { Input } from './input.ts'
import { LIMITS } from './limits.ts'
import { Random } from './random.ts'

/** What is judged; a test puts something broken in its place. */
export interface Codecs {
  deframer(maxPacketBytes: number): Pick<Deframer, 'push' | 'buffered'>
  decodeRequest: typeof decodeRequest
  encodeRequest: typeof encodeRequest
  decodeResponse: typeof decodeResponse
  encodeResponse: typeof encodeResponse
}

export const CODECS: Codecs = {
  deframer: (maxPacketBytes) => new Deframer(maxPacketBytes),
  decodeRequest,
  encodeRequest,
  decodeResponse,
  encodeResponse,
}

const CUTS = 3
const EXTENDED_REPLY_KINDS: readonly ResponseKind[] = [
  'statvfsReply',
  'limitsReply',
  'usersGroupsReply',
  'checkFileReply',
  'spaceAvailableReply',
]

/** @param seen is told the kind of whatever decodes. @throws Violation */
export function checkDecode(input: Input, codecs: Codecs, seen: (kind: string) => void): void {
  const bytes = Buffer.concat(input.segments)
  const { maxPacketBytes } = LIMITS[input.plan.limits]
  const expected = frames(bytes, maxPacketBytes)
  const packets = expected.packets.map(({ start, end }) => bytes.subarray(start, end))
  const framed = deframe(input, bytes, codecs.deframer(maxPacketBytes), expected)
  if (framed.length !== packets.length) {
    throw new Violation('framing', `${framed.length} packets instead of ${packets.length}`)
  }
  const longEnough = input.plan.limits === 'default'
  for (const [index, packet] of packets.entries()) {
    const kind = longEnough ? input.pristine?.[index] : undefined
    checkRequest(framed[index] as Framed, packet, kind, codecs, seen)
    checkResponse(packet, kind, codecs, seen)
  }
  if (longEnough && input.pristine !== undefined && input.pristine.length !== packets.length) {
    throw new Violation('framing', `${packets.length} packets of ${input.pristine.length} well-formed ones`)
  }
}

function deframe(
  input: Input,
  bytes: Buffer,
  deframer: Pick<Deframer, 'push' | 'buffered'>,
  expected: ReturnType<typeof frames>,
): Framed[] {
  const framed: Framed[] = []
  try {
    for (const chunk of cut(input, bytes, new Random(input.seed, CUTS))) {
      for (const packet of deframer.push(chunk)) framed.push(packet)
    }
  } catch (error) {
    if (!(error instanceof BadMessage)) throw unexpected(error)
    if (!expected.broken) throw new Violation('framing', `refused a stream without a fault: ${error.message}`)
    return framed
  }
  if (expected.broken) throw new Violation('framing', 'did not refuse a length of 0 or over the limit')
  if (deframer.buffered !== expected.rest) {
    throw new Violation('framing', `${deframer.buffered} bytes kept instead of ${expected.rest}`)
  }
  return framed
}

function checkRequest(
  { head, tail }: Framed,
  packet: Buffer,
  pristine: string | undefined,
  codecs: Codecs,
  seen: (kind: string) => void,
): void {
  const request = attempt(() => codecs.decodeRequest(packet))
  if (tail.length > 0) {
    const inChunks = attempt(() => codecs.decodeRequest(head, tail))
    if (!same(request, inChunks)) throw new Violation('cut', 'a packet means something else when it comes in chunks')
  } else if (!head.equals(packet)) {
    throw new Violation('framing', 'a packet has other bytes than were sent')
  }
  const meant = pristine !== undefined && pristine in REQUESTS ? pristine : undefined
  if (request instanceof BadMessage) {
    if (meant !== undefined) throw new Violation('decode', `refused a well-formed ${meant}: ${request.message}`)
    checkRefusal(request, packet)
    return
  }
  seen(request.kind)
  if (meant !== undefined && request.kind !== meant) {
    throw new Violation('decode', `a ${meant} decoded to ${request.kind}`)
  }
  if (request.kind === 'unknown') {
    if (request.type !== packet[0] || request.id !== packet.readUInt32BE(1)) {
      throw new Violation('decode', 'an unknown packet has another type or id than was sent')
    }
    return
  }
  const encoded = codecs.encodeRequest(request)
  checkEncoded(request, encoded, packet, meant !== undefined, () => codecs.decodeRequest(encoded))
}

/** A refusal names the request that it is a reply to, where that can be read. */
function checkRefusal(refusal: BadMessage, packet: Buffer): void {
  const readable = packet.length >= 5 && packet[0] !== SSH_FXP.INIT
  if (readable !== refusal instanceof BadRequest) {
    const how = readable ? 'without its id' : 'with an id that it has not'
    throw new Violation('decode', `refused ${how}: ${refusal.message}`)
  }
  if (refusal instanceof BadRequest && refusal.id !== packet.readUInt32BE(1)) {
    throw new Violation('decode', `refused with the id ${refusal.id} of no request`)
  }
}

function checkResponse(
  packet: Buffer,
  pristine: string | undefined,
  codecs: Codecs,
  seen: (kind: string) => void,
): void {
  let understood = false
  const meant = pristine !== undefined && pristine in RESPONSES ? pristine : undefined
  for (const kind of packet[0] === SSH_FXP.EXTENDED_REPLY ? EXTENDED_REPLY_KINDS : ANY_REPLY) {
    const response = attempt(() => codecs.decodeResponse(packet, kind))
    if (response instanceof BadMessage) {
      if (response instanceof BadRequest) throw new Violation('decode', 'a response was refused as a request')
      continue
    }
    seen(response.kind)
    understood ||= response.kind === meant
    const encoded = codecs.encodeResponse(response)
    checkEncoded(response, encoded, packet, response.kind === meant, () => codecs.decodeResponse(encoded, kind))
  }
  if (meant !== undefined && !understood) throw new Violation('decode', `did not understand a well-formed ${meant}`)
}

const ANY_REPLY = [undefined] as const

/** What was decoded encodes to the bytes that were sent, but for what the format says is dropped. */
function checkEncoded(
  value: Request | Response,
  encoded: Buffer,
  packet: Buffer,
  pristine: boolean,
  again: () => Value,
): void {
  // Bytes behind the last field are dropped.
  const dropped = packet.length - encoded.length
  if (dropped >= 0 && packet.compare(encoded, 0, encoded.length, 0, encoded.length) === 0) {
    if (dropped > 0 && pristine) throw new Violation('encode', `a well-formed ${value.kind} lost ${dropped} bytes`)
    return
  }
  // Flags of attributes that have no meaning are dropped, and text that is not UTF-8 is mended.
  if (pristine || !mayDiffer(value)) {
    throw new Violation('encode', `a ${value.kind} encodes to other bytes than it was decoded from`)
  }
  if (!same(value, attempt(again))) {
    throw new Violation('encode', `a ${value.kind} encodes to a packet of another meaning`)
  }
}

function mayDiffer(value: Request | Response): boolean {
  return Object.entries(value).some(
    ([field, part]) =>
      field === 'attrs' ||
      field === 'entries' ||
      (typeof part === 'string' && part.includes('\ufffd')) ||
      (field === 'extensions' && (part as { name: string }[]).some(({ name }) => name.includes('\ufffd'))),
  )
}

type Value = Request | Response | UnknownRequest

/** The value, or the refusal. @throws Violation for any other exception. */
function attempt<T>(decode: () => T): T | BadMessage {
  try {
    return decode()
  } catch (error) {
    if (error instanceof BadMessage) return error
    throw unexpected(error)
  }
}

function unexpected(error: unknown): Violation {
  return new Violation('exception', String(error), { cause: error })
}

function same(one: Value | BadMessage, other: Value | BadMessage): boolean {
  if (one instanceof BadMessage || other instanceof BadMessage) {
    return one instanceof BadRequest
      ? other instanceof BadRequest && one.id === other.id
      : one instanceof BadMessage && other instanceof BadMessage && !(other instanceof BadRequest)
  }
  return isDeepStrictEqual(joined(one), joined(other))
}

/** File data stays in the chunks in which it came; where they end has no meaning. */
function joined(value: Value): Value {
  return 'data' in value ? { ...value, data: [Buffer.concat(value.data)] } : value
}
