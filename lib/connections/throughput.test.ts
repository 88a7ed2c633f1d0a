import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { Connections } from './connections.ts'
import { SAMPLES, SAMPLE_MS, watchThroughput } from './throughput.ts'

function setUp() {
  const clock = new VirtualClock()
  const connections = new Connections(clock)
  const connection = connections.add({
    connectionId: 'c',
    username: 'alice',
    clientVersion: '',
    remoteAddress: '',
    protocol: 'SFTP',
    close: () => undefined,
  })
  return { clock, connections, connection, throughput: watchThroughput(connections, clock) }
}

test('samples are what moved, by direction, also by transfers that have ended', () => {
  const { clock, connection, throughput } = setUp()
  const upload = connection.startTransfer('upload', '/a')
  upload.moved(10_000)
  upload.end()
  connection.startTransfer('download', '/b').moved(20_000)
  clock.advance(SAMPLE_MS)
  clock.advance(SAMPLE_MS)
  expect(throughput.samples()).toEqual([
    { timeMs: clock.now() - SAMPLE_MS, upload: 1000, download: 2000 },
    { timeMs: clock.now(), upload: 0, download: 0 },
  ])
})

test('an hour is kept, and no timer after the stop', () => {
  const { clock, throughput } = setUp()
  for (let at = 0; at < SAMPLES + 5; at++) clock.advance(SAMPLE_MS)
  expect(throughput.samples()).toHaveLength(SAMPLES)
  throughput.stop()
  expect(clock.timers).toBe(0)
})

test('what moved counts once, however its connection ends', () => {
  const { connections, connection } = setUp()
  const first = connection.startTransfer('upload', '/a')
  first.moved(5)
  const second = connection.startTransfer('download', '/b')
  second.moved(7)
  first.end()
  first.end()
  connection.remove()
  second.end()
  connection.remove()
  expect(connections.totals()).toEqual({ uploadedBytes: 5, downloadedBytes: 7 })
})
