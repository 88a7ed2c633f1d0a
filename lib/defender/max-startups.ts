import type { StartupLimits } from './startups.ts'

export const MAX_STARTUPS_SHAPE =
  '"start:rate:full" such as "10:30:100", with start below full and a rate from 1 to 100'

/** Connections that are logging in at the same time; more are no protection any more. */
const FULL_MAX = 10_000

/** `undefined` for what is not `start:rate:full`. */
export function parseStartups(text: string): Omit<StartupLimits, 'perAddress'> | undefined {
  const [, start, rate, full] = /^([1-9]\d{0,4}):([1-9]\d{0,2}):([1-9]\d{0,4})$/.exec(text)?.map(Number) ?? []
  if (start === undefined || rate === undefined || full === undefined) return undefined
  return start < full && rate <= 100 && full <= FULL_MAX ? { start, rate, full } : undefined
}
