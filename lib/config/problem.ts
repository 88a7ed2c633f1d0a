import { SECRET_KEYS } from './schema.ts'

/** A path inside the configuration as messages show it: `sftpd.keys[0].private_key`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

const LONGEST_SHOWN = 80

/** A refused value as messages show it: short, on one line, and masked where it is or may hold a secret. */
export function shown(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((key) => SECRET_KEYS.has(String(key)))) return '***'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const text = value.replace(/\/\/[^/]*@/, '//***@')
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text)
}
