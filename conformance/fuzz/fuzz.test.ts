import { expect, test } from 'vitest'
import { decodeRequest, encodeRequest } from '../../protocol/sftp/codec.ts'
import { REQUESTS, RESPONSES } from '../../protocol/sftp/packets.ts'
import { generate } from './generate.ts'
import type { Mode } from './input.ts'
import { fuzz } from './run.ts'
import { Scratch } from './scratch.ts'

const MODES: readonly Mode[] = ['decode', 'session']

test('decode: whatever comes is refused as BadMessage, or decodes and encodes to what was sent', async () => {
  const { failure, inputs, seen } = await fuzz({ mode: 'decode', seed: 1, inputs: 10_000 })
  expect(failure).toBeUndefined()
  expect(inputs).toEqual({ decode: 10_000, session: 0 })
  const kinds = [...Object.keys(REQUESTS), ...Object.keys(RESPONSES), 'unknown']
  expect([...seen.keys()].toSorted()).toEqual(kinds.toSorted())
}, 30_000)

test('session: whatever comes, every kind of request gets its one reply and nothing stays open', async () => {
  const { failure, inputs, seen } = await fuzz({ mode: 'session', seed: 1, inputs: 2000 })
  expect(failure).toBeUndefined()
  expect(inputs).toEqual({ decode: 0, session: 2000 })
  const pairs = [...seen.keys()].map((pair) => pair.split(' '))
  const unique = (part: number): string[] => [...new Set(pairs.map((pair) => String(pair[part])))].toSorted()
  expect(unique(0)).toEqual([...Object.keys(REQUESTS), 'refused', 'unknown'].toSorted())
  expect(unique(1)).toEqual(Object.keys(RESPONSES).toSorted())
}, 30_000)

test('all: both modes from one run of seeds', async () => {
  const { failure, inputs } = await fuzz({ mode: 'all', seed: 100_001, inputs: 1000 })
  expect(failure).toBeUndefined()
  expect(inputs).toEqual({ decode: 900, session: 100 })
})

test.each(MODES)('%s: an input follows from its seed alone', (mode) => {
  const used = new Scratch()
  for (let seed = 1; seed <= 100; seed++) {
    const input = generate(mode, seed, used)
    expect(generate(mode, seed, new Scratch())).toEqual(input)
  }
  expect(generate(mode, 2 ** 40 + 1, used)).not.toEqual({ ...generate(mode, 1, used), seed: 2 ** 40 + 1 })
})

test('a replayed session takes the same way', async () => {
  const run = (): Promise<Map<string, number>> =>
    fuzz({ mode: 'session', seed: 500, inputs: 100 }).then(({ seen }) => seen)
  expect(await run()).toEqual(await run())
})

test('a packet that nothing was done to is written as the engine writes it', () => {
  const scratch = new Scratch()
  let checked = 0
  for (let seed = 1; seed <= 1000; seed++) {
    const { segments, pristine } = generate('decode', seed, scratch)
    for (const [index, kind] of (pristine ?? []).entries()) {
      if (!(kind in REQUESTS)) continue
      const packet = (segments[index] as Buffer).subarray(4)
      const request = decodeRequest(packet)
      if (request.kind === 'unknown') throw new Error(`${kind} is not understood`)
      expect({ kind: request.kind, bytes: encodeRequest(request) }).toEqual({ kind, bytes: packet })
      checked++
    }
  }
  expect(checked).toBeGreaterThan(250)
})
