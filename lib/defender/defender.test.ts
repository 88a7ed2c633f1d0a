import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { defaultConfig } from '../config/schema.ts'
import { recordingLog } from '../providers/recording-log.ts'
import type { DefenderConfig, Offence } from './defender.ts'
import { Defender } from './defender.ts'

const MINUTE_MS = 60_000
const IP = '192.0.2.7'

let clock: VirtualClock
let log: ReturnType<typeof recordingLog>
let defender: Defender
const make = (config: Partial<DefenderConfig> = {}) =>
  new Defender({
    config: { ...defaultConfig().defender, ...config },
    isTrusted: (ip) => ip === '127.0.0.1',
    clock,
    log,
  })
beforeEach(() => {
  clock = new VirtualClock()
  log = recordingLog()
  defender = make()
})

/** @returns what each of them was answered with. */
const note = (ip: string, offence: Offence, times: number): boolean[] =>
  Array.from({ length: times }, () => defender.note(ip, offence))

test.each<[Offence, number]>([
  ['failed login', 15],
  ['unknown user', 8],
  ['garbage', 5],
  ['no auth', 15],
])('%s: the %dth leads to a ban', (offence, times) => {
  expect(note(IP, offence, times - 1)).not.toContain(true)
  expect(defender.refuses(IP)).toBe(false)
  expect(defender.note(IP, offence)).toBe(true)
  expect(defender.refuses(IP)).toBe(true)
  expect(defender.refuses('192.0.2.8')).toBe(false)
})

test('a ban explains itself in the log and in the list', async () => {
  note(IP, 'failed login', 1)
  note(IP, 'unknown user', 4)
  note(IP, 'garbage', 2)
  const reason = '1 failed login, 4 unknown users, 2 times no SSH within 30 minutes: 15 points, the limit is 15'
  expect(log.lines).toEqual([`warn 192.0.2.7 is banned for 30 minutes: ${reason}`])
  defender.refuses(IP)
  const sinceMs = clock.now()
  expect(await defender.list()).toEqual([
    { address: IP, sinceMs, untilMs: sinceMs + 30 * MINUTE_MS, reason, refused: 1 },
  ])
})

test('a ban ends, says so, and begins from nothing', async () => {
  note(IP, 'failed login', 15)
  clock.advance(30 * MINUTE_MS - 1)
  expect(defender.refuses(IP)).toBe(true)
  clock.advance(1)
  expect(await defender.list()).toEqual([])
  expect(defender.refuses(IP)).toBe(false)
  expect(log.lines.at(-1)).toBe('info the ban of 192.0.2.7 is over; 1 connections were refused')
  expect(note(IP, 'failed login', 14)).not.toContain(true)
})

test('what happens during a ban does not make it longer', async () => {
  note(IP, 'failed login', 15)
  const [before] = await defender.list()
  clock.advance(MINUTE_MS)
  expect(note(IP, 'garbage', 20)).not.toContain(false)
  expect(await defender.list()).toEqual([before])
})

test('points count for a while', () => {
  note(IP, 'failed login', 14)
  clock.advance(30 * MINUTE_MS)
  expect(note(IP, 'failed login', 14)).not.toContain(true)
  clock.advance(30 * MINUTE_MS - 1)
  expect(defender.note(IP, 'failed login')).toBe(true)
})

describe('a ban can be lifted', () => {
  test('by any address of the source', async () => {
    note('2001:db8::1', 'failed login', 15)
    expect(await defender.list()).toMatchObject([{ address: '2001:db8:0:0::/64' }])
    expect(await defender.remove('2001:db8::ffff')).toBe(true)
    expect(defender.refuses('2001:db8::1')).toBe(false)
    expect(log.lines.at(-1)).toMatch(/^info the ban of 2001:db8:0:0::\/64 was lifted/)
    expect(await defender.remove('2001:db8::1')).toBe(false)
  })

  test.each([IP, '2001:db8::1'])('by the address that the list shows: %s', async (ip) => {
    note(ip, 'failed login', 15)
    const [ban] = await defender.list()
    expect(await defender.remove(ban?.address ?? '')).toBe(true)
    expect(await defender.list()).toEqual([])
  })

  test('and what is not banned, or no address, is not', async () => {
    for (const ip of ['192.0.2.9', '', 'x', '::/64']) expect(await defender.remove(ip)).toBe(false)
  })
})

test('IPv6 addresses of one /64 are one source, those of another are not', () => {
  for (let host = 1; host <= 15; host++) defender.note(`2001:db8:0:1::${host}`, 'failed login')
  expect(defender.refuses('2001:db8:0:1:9::1')).toBe(true)
  expect(defender.refuses('2001:db8:0:2::1')).toBe(false)
})

test('an IPv4 address is the same in its mapped form', () => {
  note('::ffff:192.0.2.7', 'failed login', 15)
  expect(defender.refuses(IP)).toBe(true)
})

test('trusted addresses are never banned', () => {
  expect(note('127.0.0.1', 'garbage', 100)).not.toContain(true)
  expect(defender.refuses('127.0.0.1')).toBe(false)
})

test('switched off it bans nobody, and 0 points are none', () => {
  defender = make({ enabled: false })
  expect(note(IP, 'garbage', 100)).not.toContain(true)
  defender = make({ score_no_auth: 0 })
  expect(note(IP, 'no auth', 100)).not.toContain(true)
})

test('security 8: memory is bounded, and who was heard of longest ago is forgotten', async () => {
  defender = make({ max_addresses: 100, threshold: 2 })
  const address = (number: number): string => `10.0.${number >> 8}.${number & 255}`
  for (let number = 0; number < 101; number++) defender.note(address(number), 'failed login')
  // The first was forgotten and is noted anew; the others were not.
  expect(defender.note(address(100), 'failed login')).toBe(true)
  expect(defender.note(address(0), 'failed login')).toBe(false)
  for (let number = 200; number < 400; number++) note(address(number), 'failed login', 2)
  expect(await defender.list()).toHaveLength(100)
  expect(defender.refuses(address(100))).toBe(false)
})

test('whatever happens when, an address is banned exactly when its points within the window reach the limit', () => {
  const POINTS = { 'failed login': 1, 'unknown user': 2, garbage: 3, 'no auth': 1 } as const
  const step = fc.record({
    offence: fc.constantFrom<Offence>('failed login', 'unknown user', 'garbage', 'no auth'),
    waitMs: fc.integer({ min: 0, max: 6 * MINUTE_MS }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      clock = new VirtualClock()
      defender = make()
      const past: { atMs: number; points: number }[] = []
      for (const { offence, waitMs } of steps) {
        clock.advance(waitMs)
        past.push({ atMs: clock.now(), points: POINTS[offence] })
        const recent = past.filter(({ atMs }) => atMs > clock.now() - 30 * MINUTE_MS)
        const banned = recent.reduce((sum, { points }) => sum + points, 0) >= 15
        expect(defender.note(IP, offence)).toBe(banned)
        if (banned) return
      }
    }),
  )
})
