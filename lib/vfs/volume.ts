import type { StatsFs } from 'node:fs'
import type { VolumeStats } from '../../protocol/filesystem.ts'
import type { QuotaUse } from '../providers/provider.ts'

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

/** An account's limits, 0 for none, and what it occupies of them. */
export interface QuotaView {
  limits(): QuotaUse
  used(): Promise<QuotaUse>
}

/** The volume as an account with a quota sees it: its own limit as the size, and no more free than the disk has. */
export async function withinQuota(volume: VolumeStats, quota: QuotaView): Promise<VolumeStats> {
  const limits = quota.limits()
  if (limits.size === 0 && limits.files === 0) return volume
  const used = await quota.used()
  const view = { ...volume }
  if (limits.size > 0) {
    const blocks = (bytes: number): bigint => BigInt(Math.max(0, bytes)) / volume.fragmentSize
    const left = blocks(limits.size - used.size)
    view.blocks = blocks(limits.size)
    view.freeBlocks = smaller(left, volume.freeBlocks)
    view.availableBlocks = smaller(left, volume.availableBlocks)
  }
  if (limits.files > 0) {
    const left = BigInt(Math.max(0, limits.files - used.files))
    view.files = BigInt(limits.files)
    view.freeFiles = smaller(left, volume.freeFiles)
    view.availableFiles = smaller(left, volume.availableFiles)
  }
  return view
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
