import { parseArgs } from 'node:util'
import { MODES } from './input.ts'
import type { Mode } from './input.ts'

export interface Options {
  mode: Mode | 'all'
  seed: number
  inputs: number
  help: boolean
}

export const USAGE = `usage: node dist/conformance/fuzz/main.js [options]

  --mode MODE     decode, session, or all: nine inputs of decode for each of session (all)
  --inputs N      number of inputs (100000)
  --seed S        seed of the first input; each further one has the next (1)
  --replay SEED   the one input with that seed, in a mode that is not all
  --help          print this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mode: { type: 'string', default: 'all' },
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const mode = [...MODES, 'all' as const].find((name) => name === values.mode)
  if (mode === undefined) throw new Error(`--mode is ${MODES.join(', ')} or all, not ${values.mode}`)
  const seed = wholeNumber('--seed', values.seed)
  const inputs = wholeNumber('--inputs', values.inputs)
  if (values.replay === undefined) return { mode, seed, inputs, help: values.help }
  if (mode === 'all') throw new Error('--replay needs the --mode of the input')
  return { mode, seed: wholeNumber('--replay', values.replay), inputs: 1, help: values.help }
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`${flag} takes a whole number, not ${text}`)
  return value
}
