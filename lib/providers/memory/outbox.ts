import type { Outbox, OutboxEntry, OutboxOwner } from '../outbox.ts'

/** Entries that end with the process. */
export class MemoryOutbox implements Outbox {
  readonly #owned = new Map<string, Map<string, OutboxEntry>>()
  readonly #held = new Map<string, number>()
  readonly #assertOpen: () => void

  /** @param assertOpen throws when the entries may not be asked for any more. */
  constructor(assertOpen: () => void = () => undefined) {
    this.#assertOpen = assertOpen
  }

  async hold(owner: string, untilMs: number): Promise<void> {
    this.#assertOpen()
    this.#held.set(owner, untilMs)
  }

  async add(owner: string, entries: readonly OutboxEntry[]): Promise<void> {
    this.#assertOpen()
    const own = this.#own(owner)
    for (const entry of entries) if (!own.has(entry.id)) own.set(entry.id, { ...entry })
  }

  async owners(): Promise<OutboxOwner[]> {
    this.#assertOpen()
    const names = new Set([...this.#held.keys(), ...this.#owned.keys()])
    return [...names].map((owner) => ({ owner, untilMs: this.#held.get(owner) ?? 0 }))
  }

  async takeOver({ owner, untilMs }: OutboxOwner, to: string): Promise<void> {
    this.#assertOpen()
    if ((this.#held.get(owner) ?? 0) !== untilMs) return
    this.#held.delete(owner)
    const entries = [...(this.#owned.get(owner)?.values() ?? [])]
    this.#owned.delete(owner)
    if (entries.length > 0) await this.add(to, entries)
  }

  async entries(owner: string, after: string, limit: number): Promise<OutboxEntry[]> {
    this.#assertOpen()
    return [...(this.#owned.get(owner)?.values() ?? [])]
      .filter(({ id }) => id > after)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map((entry) => ({ ...entry }))
  }

  async remove(owner: string, ids: readonly string[]): Promise<void> {
    this.#assertOpen()
    const own = this.#owned.get(owner)
    for (const id of ids) own?.delete(id)
    if (own?.size === 0) this.#owned.delete(owner)
  }

  async letGo(owner: string): Promise<void> {
    this.#assertOpen()
    this.#held.delete(owner)
  }

  #own(owner: string): Map<string, OutboxEntry> {
    const found = this.#owned.get(owner) ?? new Map<string, OutboxEntry>()
    this.#owned.set(owner, found)
    return found
  }
}
