import { parseArgs } from 'node:util'

import { positiveInteger } from '../../conformance/options.ts'

export interface ThrottleOptions {
  limitsKb: readonly number[]
  transfers: readonly number[]
  seconds: number
  out: string
  help: boolean
}

export const THROTTLE_USAGE = `usage: npm run bench -- throttle [options]

  --limits LIST     limits in KB/s, 1 KB = 1000 bytes (100,1000,50000)
  --transfers LIST  how many transfers at once (1,8)
  --seconds N       how long each is watched at least (10)
  --out DIR         where throttle.json and throttle.svg are written (bench/results)
  --help            prints this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseThrottleOptions(args: readonly string[]): ThrottleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      limits: { type: 'string', default: '100,1000,50000' },
      transfers: { type: 'string', default: '1,8' },
      seconds: { type: 'string', default: '10' },
      out: { type: 'string', default: 'bench/results' },
      help: { type: 'boolean', default: false },
    },
  })
  const list = (flag: string, text: string): number[] => text.split(',').map((one) => positiveInteger(flag, one))
  return {
    limitsKb: list('--limits', values.limits),
    transfers: list('--transfers', values.transfers),
    seconds: positiveInteger('--seconds', values.seconds),
    out: values.out,
    help: values.help,
  }
}
