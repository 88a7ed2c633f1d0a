import { inert } from '../../logging/inert.ts'

/** Text as it may be shown: what is invisible or would reorder its surroundings is written as `\uXXXX`. */
export function visible(text: string): string {
  return inert(text)
}

/** A virtual path in one-char-per-byte form, as text. */
export function visiblePath(path: string): string {
  return visible(Buffer.from(path, 'latin1').toString('utf8'))
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/** SI, as 0.9.4 has it: `999 B`, `1.5 KB`, `3.0 GB`. */
export function bytes(size: number): string {
  let value = size
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${size} B` : `${value.toFixed(1)} ${UNITS[unit]}`
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 user`, `2 users`. */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}

/** The largest and the smallest time that a Date holds. */
const DATE_LIMIT_MS = 8.64e15

/** `YYYY-MM-DD HH:MM:SS` in UTC; a time that no calendar has is its number. */
export function dateTime(timeMs: number): string {
  if (Math.abs(timeMs) > DATE_LIMIT_MS) return `${timeMs} ms`
  return new Date(timeMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '')
}

/** `YYYY-MM-DD` in UTC. */
export function date(timeMs: number): string {
  return dateTime(timeMs).replace(/ [\d:]+$/, '')
}

/** `MM:SS`, `HH:MM:SS`, `3 d 04:05:06`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor(seconds / 3600) % 24
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  if (days > 0) return `${days} d ${two(hours)}:${rest}`
  return hours > 0 ? `${two(hours)}:${rest}` : rest
}
