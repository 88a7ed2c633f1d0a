import { inert } from '../logging/inert.ts'

export type Paint = (part: 'key' | 'text' | 'other' | 'heading', text: string) => string

/** Indented JSON with sorted keys, a line each; as safe to show as it is to parse. */
export function jsonLines(value: unknown, paint: Paint = (_, text) => text): string[] {
  return JSON.stringify(sorted(value), null, 2)
    .split('\n')
    .map((line) => painted(inert(line), paint))
}

/** One line of indented JSON holds at most a key and a value. */
const LINE = /^( *)("(?:[^"\\]|\\.)*"(?=: ))?(: )?(.*?)(,?)$/

function painted(line: string, paint: Paint): string {
  const [, indent = '', key, colon = '', value = '', comma = ''] = LINE.exec(line) ?? []
  const shownKey = key === undefined ? '' : paint('key', key)
  const shownValue =
    value === '' || /^[[\]{}]+$/.test(value) ? value : paint(value.startsWith('"') ? 'text' : 'other', value)
  return `${indent}${shownKey}${colon}${shownValue}${comma}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]))
}
