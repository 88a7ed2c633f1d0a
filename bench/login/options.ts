import { parseArgs } from 'node:util'

import { positiveInteger } from '../../conformance/options.ts'

export interface LoginOptions {
  rounds: number
  sizeMib: number
  seconds: number
  parallel: number
  help: boolean
}

const DEFAULTS = { rounds: 3, size: 1024, seconds: 5, parallel: 4 }

export const LOGIN_USAGE = `usage: npm run bench -- login [options]

  --rounds N      downloads at each rate of logins, each beside one without any (${DEFAULTS.rounds})
  --size MIB      size of the file that is downloaded (${DEFAULTS.size})
  --seconds N     how long logins are counted (${DEFAULTS.seconds})
  --parallel N    logins at the same time (${DEFAULTS.parallel})
  --help          prints this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseLoginOptions(args: readonly string[]): LoginOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: text, size: text, seconds: text, parallel: text, help: { type: 'boolean', default: false } },
  })
  const integer = (name: keyof typeof DEFAULTS): number =>
    values[name] === undefined ? DEFAULTS[name] : positiveInteger(`--${name}`, values[name])
  return {
    rounds: integer('rounds'),
    sizeMib: integer('size'),
    seconds: integer('seconds'),
    parallel: integer('parallel'),
    help: values.help,
  }
}
