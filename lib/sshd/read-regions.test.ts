import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LARGE_REGION_BYTES, LARGE_SLAB_BYTES, QUIET_READS, ReadRegions, SMALL_SLAB_BYTES } from './read-regions.ts'

test('what was read is never written to again', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 }), (shares) => {
      const regions = new ReadRegions()
      const kept: { bytes: Buffer; value: number }[] = []
      for (const [index, share] of shares.entries()) {
        const region = regions.next()
        expect(region.length).toBeGreaterThan(0)
        const count = Math.max(1, Math.floor(region.length * share))
        const value = index % 251
        // The whole region may be touched, whatever the read says.
        region.fill(value)
        kept.push({ bytes: region.subarray(0, count), value })
        regions.taken(count)
      }
      for (const { bytes, value } of kept) expect(bytes.every((byte) => byte === value)).toBe(true)
    }),
    { numRuns: 50 },
  )
})

test('regions are large while they are filled, and small again after a few short reads', () => {
  const regions = new ReadRegions()
  expect(regions.next().buffer.byteLength).toBe(SMALL_SLAB_BYTES)
  regions.taken(SMALL_SLAB_BYTES)
  expect(regions.next()).toHaveLength(LARGE_REGION_BYTES)
  for (let read = 0; read < QUIET_READS; read++) {
    expect(regions.next().buffer.byteLength).toBe(LARGE_SLAB_BYTES)
    regions.taken(100)
  }
  expect(regions.next().buffer.byteLength).toBe(SMALL_SLAB_BYTES)
})

test('a region has room for more than a packet of requests', () => {
  const regions = new ReadRegions()
  for (let read = 0; read < 100; read++) {
    expect(regions.next().length).toBeGreaterThanOrEqual(SMALL_SLAB_BYTES / 4)
    regions.taken(1000)
  }
})
