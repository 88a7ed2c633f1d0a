import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'

/** While little comes: a client that is idle holds no more. */
export const SMALL_SLAB_BYTES = 16 * 1024
/** While each region is filled: the most that one read may bring, and still in the processor's cache when decrypted. */
export const LARGE_SLAB_BYTES = 256 * 1024
/** So many short reads in a row make the regions small again. */
export const QUIET_READS = 4
/** So many slabs a connection waits for; those before are left to who looks at them. */
export const MAX_LENT_SLABS = 32

/** So many may have borrowed from a slab; it is left to more. */
export const MAX_LOANS = 16

/** Somebody who looks at what was read for longer than the reading takes. */
export interface Borrower {
  /** How much of all it was lent it has given back, in bytes, first come first back. */
  returnedBytes(): number
}

interface Slab {
  memory: Buffer
  /** Whether it may be filled again when everything in it is back. */
  reusable: boolean
  /** Up to where in what each was lent, the latest only. */
  loans: { borrower: Borrower; end: number }[]
  /** How many packets had been told of when the last byte was read into it. */
  packetsBefore: number
}

const NO_SLAB: Slab = { memory: Buffer.alloc(0), reusable: false, loans: [], packetsBefore: 0 }

/**
 * Where the next read from a socket may put its bytes: behind those of the one before, in memory that is filled again when
 * nobody looks at it any more, and otherwise left to who does.
 *
 * What was read is looked at by the transport until it has told of the packet behind, and by whoever was lent
 * the packet's data. Before the first packet is told of, nothing is known: what was read until then stays as it is.
 */
export class ReadRegions {
  readonly #slabs: BufferPool
  #slab = NO_SLAB
  /** Filled ones that somebody may look at, the oldest first. */
  readonly #filled: Slab[] = []
  #used = 0
  #offered = 0
  #large = false
  #quiet = 0
  /** Packets told of so far, and whether those of now are told of at all. */
  #packets = 0
  #told = false

  /** @param slabs of LARGE_SLAB_BYTES, shared by any number of connections. */
  constructor(slabs: BufferPool) {
    this.#slabs = slabs
  }

  /** The region of the next read; the one before is taken back. */
  next(): Buffer {
    this.#giveBack()
    const slabBytes = this.#large ? LARGE_SLAB_BYTES : SMALL_SLAB_BYTES
    const { length } = this.#slab.memory
    if (length !== slabBytes || length - this.#used < length / 4) this.#begin()
    const region = this.#slab.memory.subarray(this.#used)
    this.#offered = region.length
    return region
  }

  /** A read put so many bytes into the latest region. */
  taken(bytes: number): void {
    this.#used += bytes
    if (bytes === this.#offered) {
      this.#large = true
      this.#quiet = 0
    } else if (bytes > SMALL_SLAB_BYTES / 2) {
      this.#quiet = 0
    } else if (++this.#quiet >= QUIET_READS) {
      this.#large = false
    }
  }

  /** The transport has taken a packet out of what was read, and keeps nothing of those before. */
  tell(): void {
    this.#packets++
    this.#told = true
  }

  /** Packets come that are not told of, up to the next {@link tell}: what holds them stays as it is. */
  untold(): void {
    this.#told = false
    this.#slab.reusable = false
  }

  /** Whether `memory` may be filled again, so that what is in it has to be copied, lent or kept. */
  isReused(memory: ArrayBufferLike): boolean {
    return this.#find(memory) !== undefined
  }

  /**
   * Leaves what is in `memory` as it is until the borrower has given it back.
   * @param end bytes that it was lent by now.
   */
  lend(memory: ArrayBufferLike, borrower: Borrower, end: number): void {
    const slab = this.#find(memory)
    if (slab === undefined) return
    const earlier = slab.loans.find((loan) => loan.borrower === borrower)
    if (earlier !== undefined) earlier.end = end
    else if (slab.loans.push({ borrower, end }) > MAX_LOANS) this.#abandon(slab)
  }

  /** Leaves what is in `memory` as it is for good. */
  keep(memory: ArrayBufferLike): void {
    const slab = this.#find(memory)
    if (slab !== undefined) this.#abandon(slab)
  }

  /** The socket is closed: what nobody looks at is for others. */
  end(): void {
    this.#leave()
    this.#slab = NO_SLAB
    this.#giveBack()
    this.#filled.length = 0
  }

  #begin(): void {
    this.#leave()
    const memory = this.#large ? this.#slabs.take() : Buffer.allocUnsafeSlow(SMALL_SLAB_BYTES)
    this.#slab = { memory, reusable: this.#large && this.#told, loans: [], packetsBefore: 0 }
    this.#used = 0
  }

  /** Nothing further is read into the slab. */
  #leave(): void {
    if (this.#slab.reusable) this.#filled.push({ ...this.#slab, packetsBefore: this.#packets })
    if (this.#filled.length > MAX_LENT_SLABS) this.#filled.shift()
  }

  /** What nobody looks at any more is for whoever reads next. */
  #giveBack(): void {
    let kept = 0
    for (const slab of this.#filled) {
      if (this.#isBack(slab)) this.#slabs.give(slab.memory)
      else this.#filled[kept++] = slab
    }
    this.#filled.length = kept
  }

  #isBack({ loans, packetsBefore }: Slab): boolean {
    return this.#packets > packetsBefore && loans.every(({ borrower, end }) => borrower.returnedBytes() >= end)
  }

  #abandon(slab: Slab): void {
    if (slab === this.#slab) slab.reusable = false
    else this.#filled.splice(this.#filled.indexOf(slab), 1)
  }

  #find(memory: ArrayBufferLike): Slab | undefined {
    if (this.#slab.memory.buffer === memory) return this.#slab.reusable ? this.#slab : undefined
    return this.#filled.find((slab) => slab.memory.buffer === memory)
  }
}
