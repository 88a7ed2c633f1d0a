import { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { DATA_HEADER_BYTES } from '../../protocol/sftp/codec.ts'
import { DEFAULT_LIMITS } from '../../protocol/sftp/limits.ts'
import type { SftpLimits } from '../../protocol/sftp/limits.ts'
import type { LimitsName } from './input.ts'

/** The server's own, and two sets that short inputs go over. */
export const LIMITS: Readonly<Record<LimitsName, Readonly<SftpLimits>>> = {
  default: DEFAULT_LIMITS,
  small: {
    maxPacketBytes: 1024,
    maxReadBytes: 100,
    maxHandles: 3,
    maxPendingRequests: 6,
    maxPendingBytes: 2500,
    maxUnsentBytes: 400,
    maxRunning: 4,
  },
  tiny: {
    maxPacketBytes: 120,
    maxReadBytes: 16,
    maxHandles: 1,
    maxPendingRequests: 2,
    maxPendingBytes: 600,
    maxUnsentBytes: 50,
    maxRunning: 1,
  },
}

/** Read buffers for all inputs of a run, as a server shares them among its sessions. */
export type Pools = Readonly<Record<LimitsName, BufferPool>>

export function createPools(): Pools {
  const pool = ({ maxReadBytes }: SftpLimits): BufferPool => new BufferPool(maxReadBytes + DATA_HEADER_BYTES, 8)
  return { default: pool(LIMITS.default), small: pool(LIMITS.small), tiny: pool(LIMITS.tiny) }
}
