import { FsError } from '../filesystem.ts'

/** The largest off_t. */
export const MAX_OFFSET = 0x7fffffffffffffffn

/** The largest offset a number holds exactly: 2^53 - 1, beyond what disks hold. */
export const LAST_OFFSET = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * A uint64 as an offset or length the disk takes.
 * @throws FsError `invalid` from 2^63 on, as POSIX has it, `failure` from 2^53 on.
 */
export function fileOffset(value: bigint): number {
  if (value > MAX_OFFSET) throw new FsError('invalid', 'An offset cannot reach 2^63')
  if (value > LAST_OFFSET) throw new FsError('failure', 'No file reaches that offset')
  return Number(value)
}
