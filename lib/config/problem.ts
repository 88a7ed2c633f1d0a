import { SECRET_KEYS } from './schema.ts'

/** A path inside the configuration as messages show it: `sftpd.keys[0].private_key`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

/** What stands at a path; `undefined` when nothing does. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
    tree,
  )
}

/** A value that may be shown: without passwords, and without those inside addresses. */
export function masked(path: readonly PropertyKey[], value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (isSecret(path)) return value === '' ? '' : '***'
  return withoutCredentials(value)
}

const isSecret = (path: readonly PropertyKey[]) => path.some((key) => SECRET_KEYS.has(String(key)))
const withoutCredentials = (text: string) => text.replace(/\/\/[^/]*@/, '//***@')

const LONGEST_SHOWN = 80

/** A refused value as messages show it: short, on one line, and masked where it is or may hold a secret. */
export function shown(path: readonly PropertyKey[], value: unknown): string {
  if (isSecret(path)) return '***'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const text = withoutCredentials(value)
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text)
}
