import { describe, expect, test, vi } from 'vitest'
import type { Clock } from '../clock.ts'
import { Connections, type NewConnection } from './connections.ts'

/** The wall clock may jump, the monotonic one only goes on. */
class VirtualClock implements Clock {
  wallMs = 1_000_000
  monotonicMs = 50

  now(): number {
    return this.wallMs
  }
  monotonic(): number {
    return this.monotonicMs
  }
  after(): never {
    throw new Error('connections wait for nothing')
  }
  advance(ms: number): void {
    this.wallMs += ms
    this.monotonicMs += ms
  }
}

function setUp() {
  const clock = new VirtualClock()
  const connections = new Connections(clock)
  const add = (fields: Partial<NewConnection> = {}) =>
    connections.add({
      connectionId: 'c1',
      username: 'alice',
      clientVersion: 'SSH-2.0-x',
      remoteAddress: '192.0.2.1:5000',
      protocol: 'SFTP',
      close: () => undefined,
      ...fields,
    })
  return { clock, connections, add }
}

test('a new connection is listed with the time it came', () => {
  const { connections, add } = setUp()
  add()
  add({ connectionId: 'c2', protocol: 'SCP', sshCommand: 'scp -t /' })
  expect(connections.size).toBe(2)
  expect(connections.list()).toEqual([
    {
      connectionId: 'c1',
      username: 'alice',
      clientVersion: 'SSH-2.0-x',
      remoteAddress: '192.0.2.1:5000',
      protocol: 'SFTP',
      sshCommand: '',
      connectionTimeMs: 1_000_000,
      lastActivityMs: 1_000_000,
      transfers: [],
    },
    expect.objectContaining({ connectionId: 'c2', protocol: 'SCP', sshCommand: 'scp -t /' }),
  ])
})

describe('last activity', () => {
  test('is the last touch', () => {
    const { clock, connections, add } = setUp()
    const connection = add()
    clock.advance(10)
    connection.touch()
    clock.advance(10)
    expect(connections.list()).toMatchObject([{ connectionTimeMs: 1_000_000, lastActivityMs: 1_000_010 }])
  })

  test('is that of a transfer when it is later', () => {
    const { clock, connections, add } = setUp()
    const connection = add()
    const idle = connection.startTransfer('download', '/idle')
    const busy = connection.startTransfer('upload', '/busy')
    clock.advance(20)
    busy.moved(1)
    clock.advance(20)
    expect(connections.list()).toMatchObject([{ lastActivityMs: 1_000_020 }])
    connection.touch()
    idle.end()
    expect(connections.list()).toMatchObject([{ lastActivityMs: 1_000_040 }])
  })
})

describe('transfers', () => {
  test('count bytes and show when they moved, until they end', () => {
    const { clock, connections, add } = setUp()
    const transfer = add().startTransfer('upload', '/a')
    clock.advance(5)
    transfer.moved(10)
    transfer.moved(32)
    expect(connections.list()[0]?.transfers).toEqual([
      { operationType: 'upload', path: '/a', startTimeMs: 1_000_000, sizeBytes: 42, lastActivityMs: 1_000_005 },
    ])
    transfer.end()
    transfer.end()
    expect(connections.list()[0]?.transfers).toEqual([])
    expect(transfer.sizeBytes).toBe(42)
  })

  test('two of one file are two', () => {
    const { connections, add } = setUp()
    const connection = add()
    const first = connection.startTransfer('download', '/a')
    connection.startTransfer('download', '/a').moved(1)
    first.end()
    expect(connections.list()[0]?.transfers).toMatchObject([{ sizeBytes: 1 }])
  })

  test('last as long as the monotonic clock says, whatever the wall clock does', () => {
    const { clock, add } = setUp()
    const transfer = add().startTransfer('upload', '/a')
    clock.wallMs -= 3_600_000
    clock.monotonicMs += 12.4
    expect(transfer.elapsedMs).toBe(12)
  })
})

test('the list is a copy', () => {
  const { connections, add } = setUp()
  const transfer = add().startTransfer('upload', '/a')
  const [before] = connections.list()
  transfer.moved(7)
  before?.transfers.pop()
  expect(before?.transfers).toEqual([])
  expect(connections.list()[0]?.transfers).toMatchObject([{ sizeBytes: 7 }])
})

describe('leaving', () => {
  test('a removed connection is gone, its twin on the same transport stays', () => {
    const { connections, add } = setUp()
    const first = add()
    add({ protocol: 'SCP' })
    first.remove()
    first.remove()
    expect(connections.list()).toMatchObject([{ protocol: 'SCP' }])
  })

  test('close ends every channel with the id and no other', () => {
    const { connections, add } = setUp()
    const closes = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()] as const
    add({ close: closes[0] })
    add({ close: closes[1] })
    add({ connectionId: 'c2', close: closes[2] })
    expect(connections.close('c1')).toBe(true)
    expect(closes.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0])
  })

  test('close may remove the connection at once', () => {
    const { connections, add } = setUp()
    const connection = add({ close: () => connection.remove() })
    expect(connections.close('c1')).toBe(true)
    expect(connections.size).toBe(0)
  })

  test('close of an unknown id is false', () => {
    const { connections } = setUp()
    expect(connections.close('c1')).toBe(false)
  })
})
