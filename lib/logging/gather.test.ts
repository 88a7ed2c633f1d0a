import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { GATHER_BYTES, GATHER_MS, gathering } from './gather.ts'

function start() {
  const clock = new VirtualClock()
  const seen: string[] = []
  const sink = gathering(
    {
      write: (line) => void seen.push(line),
      rotate: async () => void seen.push('rotated'),
      close: async () => void seen.push('closed'),
    },
    clock,
  )
  return { clock, seen, sink }
}

test('a line after silence is passed on at once, those behind it together', async () => {
  const { clock, seen, sink } = start()
  sink.write('1\n')
  expect(seen).toEqual(['1\n'])
  sink.write('2\n')
  sink.write('3\n')
  clock.advance(GATHER_MS - 1)
  expect(seen).toEqual(['1\n'])
  clock.advance(1)
  expect(seen).toEqual(['1\n', '2\n', '3\n'])
  sink.write('4\n')
  expect(seen).toHaveLength(3)
  clock.advance(2 * GATHER_MS)
  sink.write('5\n')
  expect(seen).toEqual(['1\n', '2\n', '3\n', '4\n', '5\n'])
})

test('much that waits is passed on before its time', () => {
  const { seen, sink } = start()
  sink.write('first\n')
  const line = `${'x'.repeat(1023)}\n`
  for (let n = 0; n < GATHER_BYTES / line.length - 1; n++) sink.write(line)
  expect(seen).toHaveLength(1)
  sink.write(line)
  expect(seen).toHaveLength(1 + GATHER_BYTES / line.length)
})

test('nothing waits when a new file is begun, or at the end', async () => {
  const { clock, seen, sink } = start()
  sink.write('1\n')
  sink.write('2\n')
  await sink.rotate()
  sink.write('3\n')
  await sink.close()
  clock.advance(10 * GATHER_MS)
  expect(seen).toEqual(['1\n', '2\n', 'rotated', '3\n', 'closed'])
})
