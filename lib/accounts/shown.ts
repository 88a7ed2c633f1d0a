/** A value as it may stand in an error: JSON, cut short. */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value)
  const json = typeof value === 'string' || typeof value === 'boolean' ? JSON.stringify(value) : String(value)
  return json.length > 100 ? `${json.slice(0, 100)}…` : json
}

/** What a value is, where it may not be shown itself. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
