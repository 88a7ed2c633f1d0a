/** A decimal integer, `undefined` when the text is anything else. */
export function parseInteger(text: string): number | undefined {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(value) ? value : undefined
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, false] as const),
])

/** 1, t, true or 0, f, false in the usual cases, `undefined` when the text is anything else. */
export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text)
}

/** Comma separated items, spaces around them dropped; an empty text is an empty list. */
export function parseList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim())
}
