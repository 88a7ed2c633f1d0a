import type { Stats } from 'node:fs'
import { FsError } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'

/** What a client is shown of a file. */
export function attrsOf(stats: Stats): Attrs {
  return {
    size: BigInt(stats.size),
    owner: { uid: stats.uid, gid: stats.gid },
    permissions: stats.mode,
    times: { atime: seconds(stats.atimeMs), mtime: seconds(stats.mtimeMs) },
  }
}

/** Version 3 has 32 bits for a time: what lies outside is shown at the nearest end. */
function seconds(milliseconds: number): number {
  return Math.min(Math.max(Math.floor(milliseconds / 1000), 0), 0xffffffff)
}

/** The calls that change attributes, on a path or on a descriptor. */
export interface AttributeCalls {
  truncate?(size: number): Promise<void>
  chown(uid: number, gid: number): Promise<void>
  chmod?(mode: number): Promise<void>
  utimes(atime: number, mtime: number): Promise<void>
}

/** Permission bits a client may set: setuid, setgid and sticky are dropped, as SFTPGo does. */
export const MODE_BITS = 0o777

/**
 * Applies every attribute that is present, as OpenSSH does also when one of them fails. Size and owner come
 * first: they would change the times and mode set before them.
 * @throws of several failures the one that OpenSSH reports, whose order is size, permissions, times, owner.
 */
export async function applyAttrs({ size, owner, permissions, times }: Attrs, calls: AttributeCalls): Promise<void> {
  const failed = {
    size: size === undefined ? undefined : await failureOf(async () => calls.truncate?.(bytes(size))),
    owner: owner && (await failureOf(() => calls.chown(owner.uid, owner.gid))),
    permissions:
      permissions === undefined ? undefined : await failureOf(async () => calls.chmod?.(permissions & MODE_BITS)),
    times: times && (await failureOf(() => calls.utimes(times.atime, times.mtime))),
  }
  const last = failed.owner ?? failed.times ?? failed.permissions ?? failed.size
  if (last !== undefined) throw last.error
}

async function failureOf(work: () => Promise<void>): Promise<{ error: unknown } | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return { error }
  }
}

/** @throws FsError `invalid` for a size that a number does not hold exactly: no file system has such a file. */
function bytes(size: bigint): number {
  if (size > Number.MAX_SAFE_INTEGER) throw new FsError('invalid', 'The size is too large')
  return Number(size)
}
