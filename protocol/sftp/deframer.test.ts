import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { MAX_WRITE_HEADER_BYTES, decodeRequest, encodeRequest, frame } from './codec.ts'
import { SSH_FXP } from './constants.ts'
import { Deframer, MAX_PACKET_BYTES } from './deframer.ts'
import type { Framed } from './deframer.ts'
import type { Request } from './packets.ts'

const handle = hex('6831')

function writeOf(data: Buffer, bytes = handle): Request {
  return { kind: 'write', id: 7, handle: bytes, offset: 3n, data: [data] }
}

/** A packet of any type and body, among them WRITEs that are none inside. */
const anyPacket = fc
  .tuple(fc.oneof(fc.constant(SSH_FXP.WRITE), fc.nat(255)), fc.uint8Array({ maxLength: 900 }))
  .map(([type, body]) => Buffer.from([type, ...body]))
const goodWrite = fc
  .uint8Array({ minLength: 1, maxLength: 2000 })
  .map((data) => encodeRequest(writeOf(Buffer.from(data))))
const stream = fc.array(fc.oneof(anyPacket, goodWrite), { maxLength: 6 })
const cuts = fc.array(fc.oneof(fc.nat(12), fc.nat(900)), { maxLength: 60 })

describe('any cutting of a stream yields the same packets', () => {
  test('nothing is lost, added or moved', () => {
    fc.assert(
      fc.property(stream, cuts, (packets, sizes) => {
        const deframer = new Deframer()
        const framed = push(deframer, cut(Buffer.concat(packets.map(frame)), sizes))
        expect(framed.map(joined)).toEqual(packets)
        expect(deframer.buffered).toBe(0)
      }),
    )
  })

  test('a packet decodes to the same request, or is refused with the same message', () => {
    fc.assert(
      fc.property(stream, cuts, (packets, sizes) => {
        const framed = push(new Deframer(), cut(Buffer.concat(packets.map(frame)), sizes))
        expect(framed.map(({ head, tail }) => meaning(head, tail))).toEqual(packets.map((packet) => meaning(packet)))
      }),
    )
  })

  test.each([0, 1, 256, 257, 300, 5000])('a WRITE with a handle of %i bytes means the same in any chunks', (bytes) => {
    const packet = encodeRequest(writeOf(Buffer.alloc(600, 'd'), Buffer.alloc(bytes, 'h')))
    for (const size of [1, 2, 9, 100, 277, 300, 512, 513, 4000]) {
      const framed = push(new Deframer(), cut(frame(packet), Array<number>(7000).fill(size)))
      expect(
        framed.map(({ head, tail }) => meaning(head, tail)),
        `chunks of ${size}`,
      ).toEqual([meaning(packet)])
    }
  })

  test('cut at every byte', () => {
    const packets = [
      hex('01 00000003'),
      encodeRequest(writeOf(hex('616263'))),
      hex('0b 00000001 00000001 2f'),
      hex('07'),
    ]
    const bytes = Buffer.concat(packets.map(frame))
    for (let at = 0; at <= bytes.length; at++) {
      const framed = push(new Deframer(), [bytes.subarray(0, at), bytes.subarray(at)])
      expect(framed.map(joined), `cut at ${at}`).toEqual(packets)
    }
  })
})

describe('a length is judged before its packet is kept', () => {
  test.each([
    { name: 'zero', length: 0, message: 'length: 0, a packet has at least a type' },
    { name: '256 KiB + 1', length: MAX_PACKET_BYTES + 1, message: 'a packet has at most 262144 bytes' },
    { name: '2 GiB', length: 0x80000000, message: 'length: 2147483648' },
    { name: '4 GiB', length: 0xffffffff, message: 'length: 4294967295' },
  ])('$name is refused from the length field alone', ({ length, message }) => {
    const field = Buffer.alloc(4)
    field.writeUInt32BE(length)
    expect(() => push(new Deframer(), [field])).toThrow(BadMessage)
    expect(() => push(new Deframer(), [field.subarray(0, 3), field.subarray(3)])).toThrow(message)
  })

  test('packets in front of it are still handed out', () => {
    const framed: Buffer[] = []
    const refused = (): void => {
      for (const packet of new Deframer().push(Buffer.concat([frame(hex('0102')), hex('00000000 ff')]))) {
        framed.push(joined(packet))
      }
    }
    expect(refused).toThrow(BadMessage)
    expect(framed).toEqual([hex('0102')])
  })

  test('the longest packet passes', () => {
    const packet = Buffer.alloc(MAX_PACKET_BYTES, 9)
    expect(push(new Deframer(), [frame(packet)]).map((framed) => joined(framed).equals(packet))).toEqual([true])
  })

  test('the limit is an argument', () => {
    expect(push(new Deframer(4), [hex('00000004 01020304')])).toHaveLength(1)
    expect(() => push(new Deframer(4), [hex('00000005')])).toThrow('a packet has at most 4 bytes')
  })
})

describe('file data is not copied', () => {
  const data = Buffer.alloc(64 * 1024, 'd')
  const packet = frame(encodeRequest(writeOf(data)))
  const headerBytes = packet.length - data.length

  test('a packet in one chunk is a view of it', () => {
    const [framed] = push(new Deframer(), [packet])
    expect(framed?.tail).toEqual([])
    expect(sameMemory(framed?.head, packet.subarray(4))).toBe(true)
  })

  test('data behind the head is a view of the chunk it came in', () => {
    const chunks = cut(packet, [32 * 1024, 20 * 1024])
    const [framed] = push(new Deframer(), chunks)
    expect(framed?.tail).toHaveLength(2)
    expect(sameMemory(framed?.head, (chunks[0] as Buffer).subarray(4))).toBe(true)
    expect(framed?.tail.map((part, index) => sameMemory(part, chunks[index + 1]))).toEqual([true, true])
  })

  test('of a header that was cut, only the head is copied', () => {
    const chunks = cut(packet, [headerBytes - 6])
    const [framed] = push(new Deframer(), chunks)
    expect(framed?.head).toHaveLength(MAX_WRITE_HEADER_BYTES)
    const tailBytes = packet.length - 4 - MAX_WRITE_HEADER_BYTES
    expect(framed?.tail.map((part) => part.length)).toEqual([tailBytes])
    expect(sameMemory(framed?.tail[0], (chunks[1] as Buffer).subarray(-tailBytes))).toBe(true)
  })

  test('a chunk with several packets is cut into views', () => {
    const chunk = Buffer.concat([packet, frame(hex('07 00000001 00000001 2f')), packet])
    const framed = push(new Deframer(), [chunk])
    expect(framed.map(({ head }) => head.buffer === chunk.buffer)).toEqual([true, true, true])
  })
})

describe('what is kept of an unfinished packet', () => {
  test('is counted', () => {
    const deframer = new Deframer()
    expect(push(deframer, [hex('0000')])).toEqual([])
    expect(deframer.buffered).toBe(2)
    push(deframer, [hex('0010 0102')])
    expect(deframer.buffered).toBe(2)
    push(deframer, [])
    push(deframer, [Buffer.alloc(0)])
    expect(deframer.buffered).toBe(2)
  })

  test('that came byte by byte is few buffers, not one a byte', () => {
    const packet = encodeRequest(writeOf(Buffer.alloc(200 * 1024, 'd')))
    const [framed] = push(new Deframer(), cut(frame(packet), Array<number>(packet.length + 4).fill(1)))
    expect(framed?.tail.length).toBeLessThan(500)
    expect(joined(framed as Framed).equals(packet)).toBe(true)
  })
})

function push(deframer: Deframer, chunks: readonly Buffer[]): Framed[] {
  return chunks.flatMap((chunk) => [...deframer.push(chunk)])
}

/** Chunks of these sizes, and one of what is left. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let start = 0
  for (const size of sizes) {
    if (start >= bytes.length) break
    chunks.push(bytes.subarray(start, start + size))
    start += size
  }
  return [...chunks, bytes.subarray(start)]
}

function joined({ head, tail }: Framed): Buffer {
  return Buffer.concat([head, ...tail])
}

/** The request with its data joined, or why it is none. */
function meaning(head: Buffer, tail: readonly Buffer[] = []): unknown {
  try {
    const request = decodeRequest(head, tail)
    return request.kind === 'write' ? { ...request, data: Buffer.concat(request.data) } : request
  } catch (error) {
    expect(error).toBeInstanceOf(BadMessage)
    return (error as BadMessage).message
  }
}

function sameMemory(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a?.buffer === b?.buffer && a?.byteOffset === b?.byteOffset && a?.length === b?.length
}
