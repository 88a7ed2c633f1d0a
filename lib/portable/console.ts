import { inert } from '../logging/inert.ts'
import { millisecondStamp } from '../logging/time.ts'

/** What somebody who shares a directory is told: `<time> <INF|WRN> <text>`, a line each. */
export interface Console {
  info(text: string): void
  warn(text: string): void
}

/** @param now milliseconds since the epoch. */
export function createConsole(print: (line: string) => void, now: () => number): Console {
  const stamp = millisecondStamp()
  const say = (level: string) => (text: string) => print(`${stamp(now())} ${level} ${inert(text)}`)
  return { info: say('INF'), warn: say('WRN') }
}
