/** An item's place; its owner gives it back with {@link Lanes.done} or {@link Lanes.again}. */
export interface Place<T> {
  readonly item: T
}

interface Node<T> extends Place<T> {
  readonly keys: readonly string[]
  /** How many before it share a key with it. */
  waits: number
  readonly followers: Node<T>[]
}

/** Items side by side, and one after the other, in the order in which they came, where they share a key. */
export class Lanes<T> {
  readonly #last = new Map<string, Node<T>>()
  readonly #ready = new Set<Node<T>>()
  readonly #places = new WeakMap<Place<T>, Node<T>>()
  #size = 0

  /** Items that are not done. */
  get size(): number {
    return this.#size
  }

  /** Items that {@link next} would give. */
  get ready(): number {
    return this.#ready.size
  }

  add(item: T, keys: readonly string[]): void {
    const node: Node<T> = { item, keys: [...new Set(keys)], waits: 0, followers: [] }
    this.#places.set(node, node)
    this.#size++
    for (const key of node.keys) {
      const before = this.#last.get(key)
      if (before !== undefined) {
        before.followers.push(node)
        node.waits++
      }
      this.#last.set(key, node)
    }
    if (node.waits === 0) this.#ready.add(node)
  }

  /** The one that has been ready longest; nobody else gets it until it is given back. */
  next(): Place<T> | undefined {
    const [first] = this.#ready
    if (first !== undefined) this.#ready.delete(first)
    return first
  }

  /** What comes after it may go. */
  done(place: Place<T>): void {
    const node = this.#places.get(place)
    if (node === undefined || !this.#places.delete(place)) return
    this.#ready.delete(node)
    this.#size--
    for (const key of node.keys) if (this.#last.get(key) === node) this.#last.delete(key)
    for (const follower of node.followers) if (--follower.waits === 0) this.#ready.add(follower)
  }

  /** It is ready once more, behind all others that are: what comes after it waits on. */
  again(place: Place<T>): void {
    const node = this.#places.get(place)
    if (node !== undefined) this.#ready.add(node)
  }

  /** Those that are ready, and those that become so on the way. */
  *allReady(): Generator<Place<T>> {
    yield* this.#ready
  }
}
