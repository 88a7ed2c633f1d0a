import type { StatsFs } from 'node:fs'
import type { VolumeStats } from '../../protocol/filesystem.ts'

/** Linux' NAME_MAX, which its file systems share. */
const NAME_MAX = 255n

/** Node tells neither fragment size nor mount flags: blocks are counted in units of `bsize` on Linux. */
export function volumeStats(stats: StatsFs): VolumeStats {
  return {
    blockSize: BigInt(stats.bsize),
    fragmentSize: BigInt(stats.bsize),
    blocks: BigInt(stats.blocks),
    freeBlocks: BigInt(stats.bfree),
    availableBlocks: BigInt(stats.bavail),
    files: BigInt(stats.files),
    freeFiles: BigInt(stats.ffree),
    availableFiles: BigInt(stats.ffree),
    filesystemId: 0n,
    flags: 0n,
    maxNameBytes: NAME_MAX,
  }
}
