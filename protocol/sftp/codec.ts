import { BadMessage } from '../wire/bad-message.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { SSH_FXP } from './constants.ts'
import { REQUESTS, RESPONSES } from './packets.ts'
import type { Packet, Reply, Request, Response, ResponseKind, UnknownRequest } from './packets.ts'

type Row = Packet<unknown> & { kind: string }

const requestRows: Row[] = Object.entries(REQUESTS).map(([kind, row]) => ({ kind, ...(row as Packet<unknown>) }))
const requestByType = new Map(requestRows.filter((row) => row.extension === undefined).map((row) => [row.type, row]))
const requestByExtension = new Map(
  requestRows.flatMap((row) => (row.extension === undefined ? [] : [[row.extension, row] as const])),
)
const responseRows: Row[] = Object.entries(RESPONSES).map(([kind, row]) => ({ kind, ...(row as Packet<unknown>) }))
const responseByType = new Map(
  responseRows.filter((row) => row.type !== SSH_FXP.EXTENDED_REPLY).map((row) => [row.type, row]),
)

/** Draft §6. */
export const MAX_HANDLE_BYTES = 256

/** The longest run of fixed fields in front of WRITE's data: type, id, handle, offset, and the data's own length. */
export const MAX_WRITE_HEADER_BYTES = 1 + 4 + (4 + MAX_HANDLE_BYTES) + 8 + 4

/** A malformed request whose id could still be read. */
export class BadRequest extends BadMessage {
  readonly id: number
  constructor(id: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.id = id
  }
}

/**
 * Decodes one packet without its length field. File data of a WRITE stays a view of `head` and `tail`.
 * Trailing bytes are dropped, as OpenSSH does.
 * @param tail what follows `head` of the same packet.
 * @throws BadRequest when fields are missing behind the id, BadMessage when not even that is there.
 */
export function decodeRequest(head: Buffer, tail: readonly Buffer[] = []): Request | UnknownRequest {
  const reader = new Reader(head, tail)
  const type = reader.byte('type')
  const init = requestByType.get(type)
  if (init !== undefined && !init.hasId) return decodeBody(init, reader, 0) as Request
  const id = reader.uint32('id')
  try {
    if (type !== SSH_FXP.EXTENDED) {
      const row = requestByType.get(type)
      return row === undefined ? { kind: 'unknown', id, type } : (decodeBody(row, reader, id) as Request)
    }
    const extension = reader.bytes('extended-request').toString('latin1')
    const row = requestByExtension.get(extension)
    return row === undefined ? { kind: 'unknown', id, type, extension } : (decodeBody(row, reader, id) as Request)
  } catch (error) {
    if (error instanceof BadMessage) throw new BadRequest(id, error.message, { cause: error })
    throw error
  }
}

/** @param reply the kind of an EXTENDED_REPLY, which only the request tells. @throws BadMessage */
export function decodeResponse(packet: Buffer, reply?: ResponseKind): Response {
  const reader = new Reader(packet)
  const type = reader.byte('type')
  const row =
    type === SSH_FXP.EXTENDED_REPLY
      ? responseRows.find((candidate) => candidate.type === type && candidate.kind === reply)
      : responseByType.get(type)
  if (row === undefined) throw new BadMessage(`type: ${type} is no response`)
  return decodeBody(row, reader, row.hasId ? reader.uint32('id') : 0) as Response
}

/** The packet without its length field. */
export function encodeRequest(request: Request): Buffer {
  const row = REQUESTS[request.kind] as Packet<unknown>
  return encode(row, request.id, request).subarray(LENGTH_BYTES)
}

/** The packet without its length field. */
export function encodeResponse(response: Response): Buffer {
  return encodeFramedResponse(response.id, response).subarray(LENGTH_BYTES)
}

/** The packet as it goes on the wire, its length in front (§3). */
export function encodeFramedResponse(id: number, reply: Reply): Buffer {
  return encode(RESPONSES[reply.kind], id, reply)
}

/** The length field, then the packet (§3). */
export function frame(packet: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + packet.length)
  framed.writeUInt32BE(packet.length, 0)
  framed.set(packet, LENGTH_BYTES)
  return framed
}

const LENGTH_BYTES = 4

/** Length, type, id and the data's length: what stands in front of a DATA response's bytes on the wire. */
export const DATA_HEADER_BYTES = LENGTH_BYTES + 1 + 4 + 4

/** Puts the header of a DATA response with `length` bytes in front of them, where they were read. */
export function writeDataHeader(target: Buffer, id: number, length: number): void {
  target.writeUInt32BE(DATA_HEADER_BYTES - LENGTH_BYTES + length, 0)
  target[LENGTH_BYTES] = SSH_FXP.DATA
  target.writeUInt32BE(id, LENGTH_BYTES + 1)
  target.writeUInt32BE(length, LENGTH_BYTES + 5)
}

function decodeBody(row: Row, reader: Reader, id: number): object {
  return Object.assign({ kind: row.kind, id }, row.body.decode(reader, row.kind))
}

function encode(row: Packet<unknown>, id: number, value: object): Buffer {
  const writer = new Writer()
  writer.uint32(0)
  writer.byte(row.type)
  if (row.hasId) writer.uint32(id)
  if (row.extension !== undefined) writer.text(row.extension, 'latin1')
  row.body.encode(writer, value)
  writer.patchUint32(0, writer.length - LENGTH_BYTES)
  return writer.finish()
}
