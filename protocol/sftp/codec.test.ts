import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, name, payload, rest, text, uint32, uint64 } from '../wire/codec.ts'
import type { Codec } from '../wire/codec.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { hex } from '../testing/hex.ts'
import { attrs } from './attrs.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, frame } from './codec.ts'
import { REQUESTS, RESPONSES } from './packets.ts'
import type { Packet, Request, Response, ResponseKind } from './packets.ts'

const someBytes = fc.uint8Array({ maxLength: 80 }).map((value) => Buffer.from(value))
const someName = someBytes.map((value) => value.toString('latin1'))
const someText = fc.string({ unit: 'binary' })
const someUint32 = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff))
const someUint64 = fc.bigInt(0n, 0xffffffffffffffffn)
const someAttrs = fc.record(
  {
    size: someUint64,
    owner: fc.record({ uid: someUint32, gid: someUint32 }),
    permissions: someUint32,
    times: fc.record({ atime: someUint32, mtime: someUint32 }),
    extended: fc.array(fc.record({ type: someName, data: someBytes }), { maxLength: 4 }),
  },
  { requiredKeys: [] },
)
const someExtensions = fc.array(fc.record({ name: someText, data: someBytes }), { maxLength: 4 })

/** What each wire type can hold. Data comes back in one chunk, so it is made of one. */
const VALUES = new Map<Codec<unknown>, fc.Arbitrary<unknown>>([
  [uint32, someUint32],
  [uint64, someUint64],
  [bytes, someBytes],
  [name, someName],
  [text, someText],
  [rest, someBytes],
  [payload, someBytes.map((value) => (value.length === 0 ? [] : [value]))],
  [attrs, someAttrs],
  [REQUESTS.init.fields.extensions, someExtensions],
  [RESPONSES.version.fields.extensions, someExtensions],
  [
    RESPONSES.name.fields.entries,
    fc.array(fc.record({ filename: someName, longname: someName, attrs: someAttrs }), { maxLength: 4 }),
  ],
])

/** A packet's value, made from its row of the table. */
function arbitrary<T>(kind: string, row: Packet<Record<string, Codec<unknown>>>): fc.Arbitrary<T> {
  const fields = Object.entries(row.fields).map(([field, codec]): [string, fc.Arbitrary<unknown>] => {
    const values = VALUES.get(codec)
    if (values === undefined) throw new Error(`no values for ${kind}.${field}`)
    return [field, values]
  })
  const id = row.hasId ? someUint32 : fc.constant(0)
  return fc.record({
    kind: fc.constant(kind),
    id,
    ...Object.fromEntries(fields),
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<T>
}

const requests = Object.entries(REQUESTS).map(([kind, row]) => ({ kind, values: arbitrary<Request>(kind, row) }))
const responses = Object.entries(RESPONSES).map(([kind, row]) => ({ kind, values: arbitrary<Response>(kind, row) }))

describe('whatever is encoded decodes to itself', () => {
  test.each(requests)('request $kind', ({ values }) => {
    fc.assert(
      fc.property(values, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual(request)
      }),
    )
  })

  test.each(responses)('response $kind', ({ values }) => {
    fc.assert(
      fc.property(values, (response) => {
        expect(decodeResponse(encodeResponse(response), response.kind)).toEqual(response)
      }),
    )
  })
})

test('a name of every byte survives', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, value) => value)).toString('latin1')
  const request: Request = { kind: 'rename', id: 1, oldpath: every, newpath: `/${every}` }
  expect(decodeRequest(encodeRequest(request))).toEqual(request)
  const response: Response = { kind: 'name', id: 1, entries: [{ filename: every, longname: every, attrs: {} }] }
  expect(decodeResponse(encodeResponse(response))).toEqual(response)
})

describe('noise decodes or is refused, and nothing else', () => {
  const types = [...Object.values(REQUESTS), ...Object.values(RESPONSES)].map(({ type }) => type)
  const anything = fc.uint8Array({ maxLength: 120 })
  /** A known type in front, so that the noise reaches the fields. */
  const typed = fc.tuple(fc.constantFrom(...types), anything).map(([type, noise]) => Buffer.from([type, ...noise]))
  const noise = fc.oneof(
    anything.map((value) => Buffer.from(value)),
    typed,
  )

  test('as a request', () => {
    fc.assert(
      fc.property(noise, fc.array(anything), (head, tail) => {
        onlyBadMessage(() =>
          decodeRequest(
            head,
            tail.map((part) => Buffer.from(part)),
          ),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('as a response', () => {
    const kinds = fc.constantFrom<(ResponseKind | undefined)[]>(
      undefined,
      ...responses.map(({ kind }) => kind as ResponseKind),
    )
    fc.assert(
      fc.property(noise, kinds, (packet, kind) => void onlyBadMessage(() => decodeResponse(packet, kind))),
      { numRuns: 1000 },
    )
  })

  test('as a request with a few bytes changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.oneof(...requests.map(({ values }) => values)), changes, (request, changed) => {
        const packet = encodeRequest(request)
        for (const [at, value] of changed) packet[at % packet.length] = value
        onlyBadMessage(() => decodeRequest(packet))
      }),
      { numRuns: 1000 },
    )
  })
})

test('what was decoded from noise encodes, and decodes to the same', () => {
  const packets = fc
    .tuple(fc.constantFrom(...Object.values(REQUESTS).map(({ type }) => type)), fc.uint8Array({ maxLength: 60 }))
    .map(([type, noise]) => Buffer.from([type, ...noise]))
  fc.assert(
    fc.property(packets, (packet) => {
      const request = onlyBadMessage(() => decodeRequest(packet))
      if (request === undefined || request.kind === 'unknown') return
      expect(decodeRequest(encodeRequest(request))).toEqual(request)
    }),
    { numRuns: 1000 },
  )
})

test('frame puts the length in front', () => {
  expect(frame(hex('05 0000'))).toEqual(hex('00000003 05 0000'))
})

/** What `decode` returns, undefined when it refused. */
function onlyBadMessage<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(BadMessage)
    return undefined
  }
}
