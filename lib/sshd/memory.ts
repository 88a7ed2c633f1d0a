import { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { DATA_HEADER_BYTES } from '../../protocol/sftp/codec.ts'
import { DEFAULT_LIMITS } from '../../protocol/sftp/limits.ts'
import { PacketSlabs } from './packet-maker.ts'
import { LARGE_SLAB_BYTES } from './read-regions.ts'
import { WindowBudget } from './receive-window.ts'

/** Idle read buffers: 2 MiB. */
const MAX_IDLE_BUFFERS = 8
/** Idle memory for reads of sockets: 4 MiB. */
const MAX_IDLE_READS = 16

/** What all connections of a server take their memory from, and give it back to. */
export interface Memory {
  /** For what is read from files. */
  buffers: BufferPool
  /** For what is read from sockets. */
  reads: BufferPool
  /** For packets on their way out. */
  slabs: PacketSlabs
  /** For what clients may send before it is taken. */
  windows: WindowBudget
}

export function createMemory(): Memory {
  return {
    buffers: new BufferPool(DEFAULT_LIMITS.maxReadBytes + DATA_HEADER_BYTES, MAX_IDLE_BUFFERS),
    reads: new BufferPool(LARGE_SLAB_BYTES, MAX_IDLE_READS),
    slabs: new PacketSlabs(),
    windows: new WindowBudget(),
  }
}
