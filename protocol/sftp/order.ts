/**
 * What a request looks at and what it changes: nothing, one thing by its key, or anything at all.
 * Two requests may run side by side when neither changes what the other looks at or changes, so that
 * what a client sees equals serial execution in arrival order (§7; OpenSSH's server is serial).
 */
export type Scope = 'nothing' | 'anything' | { key: string }

export interface Access {
  observes: Scope
  changes: Scope
}

/** Runs alone: after all that came before it, before all that comes after. */
export const ALONE: Access = { observes: 'anything', changes: 'anything' }

export const OBSERVES_ANYTHING: Access = { observes: 'anything', changes: 'nothing' }

export const INDEPENDENT: Access = { observes: 'nothing', changes: 'nothing' }

export function conflict(a: Access, b: Access): boolean {
  // What may change anything runs alone, so that not even an answer that depends on nothing overtakes it:
  // VERSION is the first packet a client sees, and a session's end the last.
  if (a.changes === 'anything' || b.changes === 'anything') return true
  return overlap(a.changes, b.changes) || overlap(a.changes, b.observes) || overlap(a.observes, b.changes)
}

function overlap(a: Scope, b: Scope): boolean {
  if (a === 'nothing' || b === 'nothing') return false
  if (a === 'anything' || b === 'anything') return true
  return a.key === b.key
}
