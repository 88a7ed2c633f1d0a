import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemory } from './memory.ts'
import {
  LARGE_SLAB_BYTES,
  MAX_LENT_SLABS,
  MAX_LOANS,
  QUIET_READS,
  ReadRegions,
  SMALL_SLAB_BYTES,
} from './read-regions.ts'
import type { Borrower } from './read-regions.ts'

/** Regions of a connection whose packets are told of and which is filled. */
function filled(memory = createMemory()): ReadRegions {
  const regions = new ReadRegions(memory.reads)
  regions.next()
  regions.tell()
  regions.taken(SMALL_SLAB_BYTES)
  return regions
}

/** The memory of the next slab: what is left of this one is filled. */
function nextSlab(regions: ReadRegions): ArrayBufferLike {
  const { buffer, length } = regions.next()
  regions.taken(length)
  return buffer
}

class Lender implements Borrower {
  lent = 0
  returned = 0
  returnedBytes(): number {
    return this.returned
  }
}

test('regions are large while they are filled, and small again after a few short reads', () => {
  const regions = new ReadRegions(createMemory().reads)
  expect(regions.next()).toHaveLength(SMALL_SLAB_BYTES)
  regions.taken(SMALL_SLAB_BYTES)
  expect(regions.next()).toHaveLength(LARGE_SLAB_BYTES)
  for (let read = 0; read < QUIET_READS; read++) {
    expect(regions.next().buffer.byteLength).toBe(LARGE_SLAB_BYTES)
    regions.taken(100)
  }
  expect(regions.next().buffer.byteLength).toBe(SMALL_SLAB_BYTES)
})

test('a region has room for more than a packet of requests', () => {
  const regions = new ReadRegions(createMemory().reads)
  for (let read = 0; read < 100; read++) {
    expect(regions.next().length).toBeGreaterThanOrEqual(SMALL_SLAB_BYTES / 4)
    regions.taken(1000)
  }
})

describe('memory is filled again', () => {
  test('when a packet was told of after the last read into it', () => {
    const regions = filled()
    const first = nextSlab(regions)
    const second = nextSlab(regions)
    expect(second).not.toBe(first)
    regions.tell()
    expect(nextSlab(regions)).toBe(first)
    regions.tell()
    expect(nextSlab(regions)).toBe(second)
  })

  test('by nobody while the transport may wait for the end of a packet in it', () => {
    const memory = createMemory()
    const regions = filled(memory)
    const first = nextSlab(regions)
    // Its last packet lacks a tag, which comes byte by byte.
    for (let read = 0; read < 3; read++) {
      regions.next()
      regions.taken(1)
    }
    expect(nextSlab(filled(memory))).not.toBe(first)
    regions.tell()
    regions.next()
    expect(nextSlab(filled(memory))).toBe(first)
  })

  test('when what was lent of it is back', () => {
    const regions = filled()
    const borrower = new Lender()
    const first = nextSlab(regions)
    regions.tell()
    regions.lend(first, borrower, 100)
    expect(regions.isReused(first)).toBe(true)
    expect(nextSlab(regions)).not.toBe(first)
    regions.lend(first, borrower, 300)
    regions.tell()
    borrower.returned = 299
    expect(nextSlab(regions)).not.toBe(first)
    borrower.returned = 300
    expect(nextSlab(regions)).toBe(first)
  })

  test('never, when it was read before anything was told of, or while nothing is', () => {
    const regions = new ReadRegions(createMemory().reads)
    nextSlab(regions)
    const early = nextSlab(regions)
    regions.tell()
    expect(regions.isReused(early)).toBe(false)
    const during = nextSlab(regions)
    expect(regions.isReused(during)).toBe(true)
    regions.tell()
    regions.untold()
    expect(regions.isReused(during)).toBe(false)
    const untold = nextSlab(regions)
    regions.tell()
    const seen = new Set([early, during, untold])
    for (let count = 0; count < 20; count++) {
      expect(seen.has(nextSlab(regions))).toBe(false)
      regions.tell()
    }
  })

  test('by another connection as soon as it is back, also when little comes', () => {
    const memory = createMemory()
    const one = filled(memory)
    const borrower = new Lender()
    const lent = nextSlab(one)
    one.tell()
    one.lend(lent, borrower, 1)
    one.next()
    one.tell()
    borrower.returned = 1
    one.taken(1)
    one.next()
    expect(nextSlab(filled(memory))).toBe(lent)
  })

  test('by another connection when this one is quiet, or over', () => {
    const memory = createMemory()
    const one = filled(memory)
    const [first, second] = [nextSlab(one), nextSlab(one)]
    one.tell()
    for (let read = 0; read <= QUIET_READS; read++) {
      one.next()
      one.taken(1)
    }
    one.next()
    const other = filled(memory)
    const taken = [nextSlab(other), nextSlab(other)]
    expect(new Set(taken)).toEqual(new Set([first, second]))
    other.tell()
    other.end()
    expect(taken).toContain(nextSlab(filled(memory)))
  })

  test('of a connection that is over only where nobody looks at it', () => {
    const memory = createMemory()
    const regions = filled(memory)
    const lent = nextSlab(regions)
    regions.lend(lent, new Lender(), 1)
    const latest = nextSlab(regions)
    regions.end()
    const other = filled(memory)
    const seen = Array.from({ length: 4 }, () => nextSlab(other))
    expect(seen).not.toContain(lent)
    // The transport may keep what was read last.
    expect(seen).not.toContain(latest)
  })
})

test('who gives nothing back is left with it, and the connection goes on with other memory', () => {
  const regions = filled()
  const miser = new Lender()
  const kept: ArrayBufferLike[] = []
  for (let count = 0; count < 2 * MAX_LENT_SLABS; count++) {
    const memory = nextSlab(regions)
    regions.tell()
    regions.lend(memory, miser, ++miser.lent)
    kept.push(memory)
  }
  expect(new Set(kept).size).toBe(kept.length)
  miser.returned = miser.lent
  nextSlab(regions)
  const again = Array.from({ length: MAX_LENT_SLABS }, () => {
    regions.tell()
    return nextSlab(regions)
  })
  expect(kept.slice(0, MAX_LENT_SLABS - 1).filter((memory) => again.includes(memory))).toEqual([])
})

test('memory that too many have borrowed from is left to them', () => {
  const regions = filled()
  const memory = nextSlab(regions)
  for (let count = 0; count <= MAX_LOANS; count++) regions.lend(memory, { returnedBytes: () => Infinity }, 1)
  for (let count = 0; count < 4; count++) {
    regions.tell()
    expect(nextSlab(regions)).not.toBe(memory)
  }
})

describe('property', () => {
  const TAG_BYTES = 16
  const PLANS = fc.record({
    packets: fc.array(
      fc.record({
        bytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 20_000, max: 40_000 })),
        /** `exchange` begins an exchange of keys, whose packets are not told of. */
        fate: fc.constantFrom('lent', 'lent', 'lent', 'lent', 'lent', 'lent', 'other', 'other', 'exchange', 'kept'),
        /** Of the exchange. */
        untold: fc.nat(3),
        borrower: fc.nat(2),
        /** How many of its packets the borrower gives back then. */
        back: fc.constantFrom(0, 0, 0, 1, 1, 10),
      }),
      { minLength: 50, maxLength: 150 },
    ),
    /** Shares of the regions that are read into, or a read that ends within the tag of a packet. */
    reads: fc.array(fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }), fc.constant('in a tag')), {
      minLength: 1,
    }),
  })

  interface Kept {
    bytes: Buffer
    value: number
  }

  function isIntact({ bytes, value }: Kept): boolean {
    return bytes.equals(Buffer.alloc(bytes.length, value))
  }

  test('nothing that anybody looks at changes, however it was cut', () => {
    let [reused, slabs] = [0, 0]
    fc.assert(
      fc.property(PLANS, ({ packets, reads }) => {
        const regions = new ReadRegions(createMemory().reads)
        const borrowers = [0, 1, 2].map(() => ({ lender: new Lender(), holds: [] as Kept[] }))
        const forever: Kept[] = []
        const memories = new Set<ArrayBufferLike>()
        const stream = Buffer.concat(packets.map(({ bytes }, index) => Buffer.alloc(bytes + TAG_BYTES, index)))
        const tags: number[] = []
        for (const { bytes } of packets) tags.push((tags.at(-1) ?? -TAG_BYTES) + TAG_BYTES + bytes)

        let untold = 0
        const arrived = (bytes: Buffer, index: number): void => {
          const packet = packets[index] as (typeof packets)[number]
          if (untold > 0) {
            untold--
            forever.push({ bytes, value: index })
            return
          }
          regions.tell()
          if (packet.fate === 'exchange') {
            regions.untold()
            ;({ untold } = packet)
          }
          const { lender, holds } = borrowers[packet.borrower] as (typeof borrowers)[number]
          if (packet.fate === 'lent') {
            lender.lent += bytes.length
            regions.lend(bytes.buffer, lender, lender.lent)
            holds.push({ bytes, value: index })
          } else if (packet.fate === 'kept') {
            regions.keep(bytes.buffer)
            forever.push({ bytes, value: index })
          } else {
            forever.push({ bytes: regions.isReused(bytes.buffer) ? Buffer.from(bytes) : bytes, value: index })
          }
          for (const done of holds.splice(0, packet.back)) {
            expect(isIntact(done)).toBe(true)
            lender.returned += done.bytes.length
          }
        }

        // As the transport: a view of a packet that came whole, with or without its tag, a copy of one that did not.
        let [position, packet] = [0, 0]
        let held: Buffer | undefined
        for (let read = 0; position < stream.length; read++) {
          const region = regions.next()
          if (region.length > SMALL_SLAB_BYTES) {
            slabs++
            if (memories.has(region.buffer)) reused++
            memories.add(region.buffer)
          }
          // Each time round ends with a whole region: nothing but reads of a byte would take for ever.
          const share = reads[read % (reads.length + 1)] ?? 1
          const most = Math.min(region.length, stream.length - position)
          const tag = tags.findLast((at) => at >= position && at + 4 <= position + most)
          const end =
            position +
            (typeof share === 'number'
              ? Math.max(1, Math.floor(most * share))
              : tag === undefined
                ? most
                : tag + 4 - position)
          // The whole region may be touched, whatever the read says.
          region.fill(0xff)
          stream.copy(region, 0, position, end)
          regions.taken(end - position)
          while (packet < packets.length) {
            const tagAt = tags[packet] as number
            const start = tagAt - (packets[packet] as (typeof packets)[number]).bytes
            if (held === undefined && end >= tagAt) {
              held =
                start >= position
                  ? region.subarray(start - position, tagAt - position)
                  : Buffer.from(stream.subarray(start, tagAt))
            }
            if (held === undefined || end < tagAt + TAG_BYTES) break
            arrived(held, packet)
            held = undefined
            packet++
          }
          position = end
        }
        for (const { holds } of borrowers) forever.push(...holds)
        expect(forever.every(isIntact)).toBe(true)
      }),
      { numRuns: 300 },
    )
    // Otherwise nothing was tried.
    expect(reused).toBeGreaterThan(slabs / 20)
  })
})
