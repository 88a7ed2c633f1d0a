import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Storage } from '../../lib/vfs/storage.ts'

/**
 * A storage whose calls begin late, each by another number of turns of the event loop: requests that may not
 * overtake each other would do so here. The numbers repeat after {@link UnevenStorage.restart}.
 */
export class UnevenStorage {
  readonly storage: Storage
  #state = 1
  #even = true

  constructor(inner: Storage) {
    this.storage = new Proxy(inner, {
      get: (target, name) => {
        const call = Reflect.get(target, name) as (...args: unknown[]) => unknown
        if (String(name).endsWith('Sync')) return call
        // What begins late cannot be done there and then.
        if (name === 'lstatNow') return undefined
        return async (...args: unknown[]) => {
          for (let turns = this.#turns(); turns > 0; turns--) await nextTurn()
          return call(...args)
        }
      },
    })
  }

  /** @param even calls begin at once. */
  restart(even: boolean): void {
    this.#state = 1
    this.#even = even
  }

  /** 0 to 3. */
  #turns(): number {
    if (this.#even) return 0
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return this.#state >>> 30
  }
}
