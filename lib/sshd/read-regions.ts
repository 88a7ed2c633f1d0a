/** While little comes: a client that is idle holds no more. */
export const SMALL_SLAB_BYTES = 16 * 1024
/** While each region is filled: enough for one read, and for another while the first is on its way to the disk. */
export const LARGE_SLAB_BYTES = 512 * 1024
/** The most that one read may bring: what still is in the processor's cache when it is decrypted. */
export const LARGE_REGION_BYTES = 256 * 1024
/** So many short reads in a row make the regions small again. */
export const QUIET_READS = 4

/**
 * Where the next read from a socket may put its bytes: behind those of the one before, so that what was read stays as it
 * is for whoever keeps it, and one allocation serves many reads.
 */
export class ReadRegions {
  #slab = Buffer.alloc(0)
  #used = 0
  #offered = 0
  #large = false
  #quiet = 0

  /** The region of the next read; the one before is taken back. */
  next(): Buffer {
    const slabBytes = this.#large ? LARGE_SLAB_BYTES : SMALL_SLAB_BYTES
    if (this.#slab.length !== slabBytes || slabBytes - this.#used < slabBytes / 4) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#used = 0
    }
    const region = this.#slab.subarray(this.#used, this.#used + LARGE_REGION_BYTES)
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
}
