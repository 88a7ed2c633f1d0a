import { expect, test } from 'vitest'
import { amounts } from './amounts.ts'

const { usage, parse } = amounts('walk', {
  rounds: { flag: 'rounds', unit: 'N', initial: 3, about: 'rounds that are walked' },
  roundTripMs: { flag: 'round-trip', unit: 'MS', initial: 100, about: 'how long each takes' },
})

test('what is not given is what it is at first', () => {
  expect(parse([])).toEqual({ rounds: 3, roundTripMs: 100, help: false })
})

test('each can be given', () => {
  expect(parse(['--round-trip', '20', '--help'])).toEqual({ rounds: 3, roundTripMs: 20, help: true })
})

test.each([
  { args: ['--round-trip', 'long'], reason: '--round-trip takes a whole number above 0, not long' },
  { args: ['--rounds', '0'], reason: '--rounds takes a whole number above 0, not 0' },
  { args: ['--slow'], reason: '--slow' },
  { args: ['more'], reason: 'more' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parse(args)).toThrow(reason)
})

test('the usage says all of it', () => {
  expect(usage).toBe(
    [
      'usage: npm run bench -- walk [options]',
      '',
      '  --rounds N       rounds that are walked (3)',
      '  --round-trip MS  how long each takes (100)',
      '  --help           prints this',
    ].join('\n'),
  )
})
