import { parseArgs } from 'node:util'

import { positiveInteger } from '../../conformance/options.ts'

export interface LatencyOptions {
  rounds: number
  sizeMib: number
  roundTripMs: number
  inFlightMib: number
  help: boolean
}

const DEFAULTS = { rounds: 3, size: 128, 'round-trip': 100, 'in-flight': 16 }

export const LATENCY_USAGE = `usage: npm run bench -- latency [options]

  --rounds N         uploads to each server (${DEFAULTS.rounds})
  --size MIB         size of what is uploaded (${DEFAULTS.size})
  --round-trip MS    how long the way to the server and back takes (${DEFAULTS['round-trip']})
  --in-flight MIB    what the client sends without an answer (${DEFAULTS['in-flight']})
  --help             prints this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseLatencyOptions(args: readonly string[]): LatencyOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: text,
      size: text,
      'round-trip': text,
      'in-flight': text,
      help: { type: 'boolean', default: false },
    },
  })
  const integer = (name: keyof typeof DEFAULTS): number =>
    values[name] === undefined ? DEFAULTS[name] : positiveInteger(`--${name}`, values[name])
  return {
    rounds: integer('rounds'),
    sizeMib: integer('size'),
    roundTripMs: integer('round-trip'),
    inFlightMib: integer('in-flight'),
    help: values.help,
  }
}
