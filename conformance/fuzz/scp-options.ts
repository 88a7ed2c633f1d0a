import { parseArgs } from 'node:util'

export const SCP_USAGE = `usage: node dist/conformance/fuzz/scp-main.js [options]

  --inputs N      number of sequences (100000)
  --seed S        seed of the first; each further one has the next (1)
  --help          print this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseScpOptions(args: readonly string[]): { seed: number; inputs: number; help: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  const wholeNumber = (flag: string, text: string): number => {
    if (!/^\d{1,15}$/.test(text)) throw new Error(`${flag} takes a whole number, not ${text}`)
    return Number(text)
  }
  return {
    seed: wholeNumber('--seed', values.seed),
    inputs: wholeNumber('--inputs', values.inputs),
    help: values.help,
  }
}
