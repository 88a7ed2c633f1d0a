import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PacketMaker, PacketSlabs } from './packet-maker.ts'
import type { PacketLayout } from './packet-maker.ts'

const layouts = fc.record<PacketLayout>({
  blockBytes: fc.constantFrom(8, 16),
  clearBytes: fc.constantFrom(0, 4),
  tagBytes: fc.constantFrom(12, 16, 20, 32, 64),
})

/** Shorter and longer than what a slab is taken for, and longer than one. */
const lengths = fc.oneof(fc.nat(40), fc.nat(2000), fc.integer({ min: 32_000, max: 34_000 }))

const gcm: PacketLayout = { blockBytes: 16, clearBytes: 4, tagBytes: 16 }

function setUp() {
  const state = { haveLeft: true }
  const slabs = new PacketSlabs()
  return { state, slabs, maker: new PacketMaker(slabs, () => state.haveLeft) }
}

describe('a packet', () => {
  test('is as RFC 4253 section 6 and RFC 4254 section 5.2 say, with room for the tag', () => {
    const { maker } = setUp()
    fc.assert(
      fc.property(layouts, lengths, fc.nat(0xffffffff), (layout, length, channel) => {
        const data = Buffer.alloc(length, 0xd7)
        const packet = maker.channelData(channel, data, layout)
        const end = packet.length - layout.tagBytes
        const padding = packet[4] as number
        expect(packet.readUInt32BE(0)).toBe(end - 4)
        expect((end - layout.clearBytes) % layout.blockBytes).toBe(0)
        expect(padding).toBeGreaterThanOrEqual(4)
        expect(padding).toBeLessThan(4 + layout.blockBytes)
        expect(packet[5]).toBe(94)
        expect(packet.readUInt32BE(6)).toBe(channel)
        expect(packet.readUInt32BE(10)).toBe(length)
        expect(packet.subarray(14, end - padding).equals(data)).toBe(true)
      }),
    )
  })

  test('has padding of its own', () => {
    const { maker } = setUp()
    const seen = new Set<string>()
    for (let index = 0; index < 1000; index++) {
      const packet = maker.channelData(0, Buffer.alloc(2), gcm)
      seen.add(packet.subarray(16, packet.length - 16).toString('hex'))
    }
    // 4 bytes and more of them: two alike among a thousand are one chance in thousands, three are none.
    expect(seen.size).toBeGreaterThan(997)
  })

  test('is not overwritten before it has left', () => {
    const { state, maker } = setUp()
    state.haveLeft = false
    const packets = [1, 2, 3].map((byte) => maker.channelData(byte, Buffer.alloc(5000, byte), gcm))
    expect(packets.map((packet) => [packet[9], packet[5000]])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  test('takes the memory of those that have left, whatever connection they were of', () => {
    const { state, slabs, maker } = setUp()
    state.haveLeft = false
    const first = maker.channelData(0, Buffer.alloc(5000), gcm)
    const second = maker.channelData(0, Buffer.alloc(5000), gcm)
    state.haveLeft = true
    const third = maker.channelData(0, Buffer.alloc(32 * 1024), gcm)
    const other = new PacketMaker(slabs, () => true).channelData(0, Buffer.alloc(5000), gcm)
    expect([first.buffer, second.buffer]).toEqual(expect.arrayContaining([third.buffer, other.buffer]))
    expect(third.buffer).not.toBe(other.buffer)
  })
})

test('no more than 32 slabs are kept', () => {
  const slabs = new PacketSlabs()
  const taken = Array.from({ length: 40 }, () => slabs.take())
  slabs.giveBack(taken)
  const again = Array.from({ length: 40 }, () => slabs.take())
  expect(again.filter((slab) => taken.includes(slab))).toHaveLength(32)
})
