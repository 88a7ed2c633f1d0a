import { parseArgs } from 'node:util'

import { positiveInteger } from '../../conformance/options.ts'

export interface ManyOptions {
  clients: number
  sizeMib: number
  idle: number
  help: boolean
}

const DEFAULTS = { clients: 100, size: 10, idle: 500 }

export const MANY_USAGE = `usage: npm run bench -- many [options]

  --clients N     clients that upload at once, then download (${DEFAULTS.clients})
  --size MIB      what each of them moves (${DEFAULTS.size})
  --idle N        sessions that are opened and do nothing (${DEFAULTS.idle})
  --help          prints this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseManyOptions(args: readonly string[]): ManyOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { clients: text, size: text, idle: text, help: { type: 'boolean', default: false } },
  })
  const integer = (name: keyof typeof DEFAULTS): number =>
    values[name] === undefined ? DEFAULTS[name] : positiveInteger(`--${name}`, values[name])
  return { clients: integer('clients'), sizeMib: integer('size'), idle: integer('idle'), help: values.help }
}
