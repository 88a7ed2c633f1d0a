import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { parseStartups } from './max-startups.ts'
import type { Startup, StartupLimits } from './startups.ts'
import { PATIENCE_MS, REPORT_MS, Startups } from './startups.ts'

const LIMITS: StartupLimits = { start: 10, rate: 30, full: 100, perAddress: 0 }

let clock: VirtualClock
let log: ReturnType<typeof recordingLog>
/** The next number drawn, from 0 up to 1. */
let drawn: number
let gone: string[]
beforeEach(() => {
  clock = new VirtualClock()
  log = recordingLog()
  drawn = 0.999_999
  gone = []
})

function make(limits: Partial<StartupLimits> = {}): Startups {
  return new Startups({
    limits: { ...LIMITS, ...limits },
    isTrusted: (ip) => ip.startsWith('127.'),
    random: () => drawn,
    clock,
    log,
  })
}

/** @param ip of the client, or the beginning of it, which a number is put behind. */
function admit(startups: Startups, ip: string, count = 1): Startup[] {
  return Array.from({ length: count }, (_, index) => {
    const address = ip.endsWith('.') ? `${ip}${index + 1}` : ip
    return startups.admit(address, () => void gone.push(address))
  }).filter((startup) => startup !== undefined)
}

describe('from `start` on, a share of new connections is refused at random', () => {
  test.each([
    [10, 30],
    [55, 65],
    [99, 99.22],
  ])('with %d waiting, %d percent', (waiting, percent) => {
    const startups = make()
    admit(startups, '192.0.2.', waiting)
    drawn = percent / 100 - 0.001
    expect(admit(startups, '198.51.100.1')).toHaveLength(0)
    drawn = percent / 100 + 0.001
    expect(admit(startups, '198.51.100.1')).toHaveLength(1)
  })

  test('below it none, and all of them at `full`', () => {
    const startups = make()
    drawn = 0
    expect(admit(startups, '192.0.2.', 20)).toHaveLength(10)
    drawn = 0.999_999
    expect(admit(startups, '192.0.2.', 150)).toHaveLength(90)
  })

  test('but trusted ones only then', () => {
    const startups = make({ perAddress: 2 })
    drawn = 0
    expect(admit(startups, '127.0.0.1', 150)).toHaveLength(100)
  })
})

test('each that is done makes room for one, however often it says so', () => {
  const startups = make({ full: 11 })
  const [first, second] = admit(startups, '192.0.2.', 11)
  expect(admit(startups, '198.51.100.1')).toHaveLength(0)
  first?.done()
  first?.done()
  expect(admit(startups, '198.51.100.', 3)).toHaveLength(1)
  second?.done()
  expect(admit(startups, '198.51.100.', 3)).toHaveLength(1)
})

describe('one source has so many at most', () => {
  test.each(['192.0.2.7', '2001:db8::1'])('%s', (ip) => {
    const startups = make({ perAddress: 5 })
    const mine = admit(startups, ip, 8)
    expect(mine).toHaveLength(5)
    expect(admit(startups, '192.0.2.8')).toHaveLength(1)
    mine[0]?.done()
    expect(admit(startups, ip, 8)).toHaveLength(1)
  })

  test('whatever address of its /64 it takes', () => {
    const startups = make({ perAddress: 5 })
    const admitted = Array.from({ length: 8 }, (_, host) => admit(startups, `2001:db8::${host + 1}`).length)
    expect(admitted).toEqual([1, 1, 1, 1, 1, 0, 0, 0])
  })

  test('and only its own give way to it', () => {
    const startups = make({ perAddress: 2 })
    admit(startups, '192.0.2.1', 2)
    admit(startups, '192.0.2.2', 1)
    clock.advance(PATIENCE_MS.silent)
    expect(admit(startups, '192.0.2.1')).toHaveLength(1)
    expect(gone).toEqual(['192.0.2.1'])
  })
})

describe('a connection that comes nowhere gives way to a new one', () => {
  test('of the source that has most, the oldest first', () => {
    const startups = make({ full: 11 })
    admit(startups, '192.0.2.1', 1)
    admit(startups, '192.0.2.2', 6)
    admit(startups, '192.0.2.3', 4)
    clock.advance(PATIENCE_MS.silent)
    expect(admit(startups, '198.51.100.', 4)).toHaveLength(4)
    expect(gone).toEqual(['192.0.2.2', '192.0.2.2', '192.0.2.2', '192.0.2.3'])
  })

  test.each([
    ['silent', PATIENCE_MS.silent],
    ['identified', PATIENCE_MS.identified],
    ['keys exchanged', PATIENCE_MS['keys exchanged']],
  ] as const)('one that is %s after %d ms', (stage, ms) => {
    const startups = make({ full: 11 })
    for (const startup of admit(startups, '192.0.2.', 11)) startup.reached(stage)
    clock.advance(ms - 1)
    expect(admit(startups, '198.51.100.1')).toHaveLength(0)
    clock.advance(1)
    expect(admit(startups, '198.51.100.1')).toHaveLength(1)
    expect(gone).toEqual(['192.0.2.1'])
  })
})

test('a flood takes one line in the log and one for each minute of it', () => {
  const startups = make({ full: 11, perAddress: 3 })
  admit(startups, '192.0.2.', 10)
  admit(startups, '192.0.2.200', 500)
  clock.advance(REPORT_MS)
  expect(log.lines).toEqual([
    'warn too many clients are logging in, 11 and 1 of them from 192.0.2.200: some are turned away ' +
      '(limits 10:30:11, 3 for each address)',
    'warn 499 clients that wanted to log in were turned away within a minute',
  ])
})

test.each([
  '',
  '10',
  '10:30',
  '10:30:10',
  '30:30:10',
  '0:30:100',
  '10:0:100',
  '10:101:100',
  '10:30:99999',
  '1:2:3:4',
  ' 10:30:100',
  '10:30:100\n',
])('%j is not start:rate:full', (text) => {
  expect(parseStartups(text)).toBeUndefined()
})

test('10:30:100 is', () => {
  expect(parseStartups('10:30:100')).toEqual({ start: 10, rate: 30, full: 100 })
})
