/** Longer than the longest packet, several times. */
const CAPACITY = 1536 * 1024

/** Where packets are made: one buffer for all inputs, and marks of what mutations aim at. */
export class Scratch {
  readonly bytes = Buffer.allocUnsafe(CAPACITY)
  /** Bytes written. */
  length = 0
  /** Where the packet under way begins. */
  start = 0
  /** Where its length and count fields are, the packet's own length among them. */
  readonly counts: number[] = []
  /** Where its fields begin, and where the last one ends. */
  readonly fields: number[] = []
  /** Whether encoding what this decodes to gives the same bytes. */
  canonical = true

  clear(): void {
    this.length = 0
  }

  begin(): void {
    this.start = this.length
    this.counts.length = 0
    this.fields.length = 0
    this.canonical = true
    this.count(0)
  }

  /** The packet's length, wherever it ends now. */
  patchLength(): void {
    if (this.length - this.start >= 4) this.bytes.writeUInt32BE(this.length - this.start - 4, this.start)
  }

  mark(): void {
    this.fields.push(this.length)
  }

  byte(value: number): void {
    this.bytes[this.length++] = value
  }

  uint32(value: number): void {
    this.bytes.writeUInt32BE(value, this.length)
    this.length += 4
  }

  uint64(value: bigint): void {
    this.bytes.writeBigUInt64BE(value, this.length)
    this.length += 8
  }

  count(value: number): void {
    this.counts.push(this.length)
    this.uint32(value)
  }

  raw(value: Buffer): void {
    this.length += value.copy(this.bytes, this.length)
  }

  string(value: Buffer): void {
    this.count(value.length)
    this.raw(value)
  }

  /** Takes `removed` bytes out at `position` and makes room for `added`. What follows moves. */
  splice(position: number, removed: number, added: number): void {
    const from = Math.min(position + removed, this.length)
    this.bytes.copyWithin(position + added, from, this.length)
    this.length += position + added - from
  }
}
