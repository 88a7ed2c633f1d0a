import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'

export type Direction = 'upload' | 'download'

export interface Take {
  username: string
  direction: Direction
  /** Tells transfers apart, so that each gets its share; no two that are under way have the same. */
  transfer: string
  /** What the transfer has to move, at least 1. */
  bytes: number
  /** The limit just now, above 0. It holds from now on for all that wait in this direction. */
  bytesPerSecond: number
}

/**
 * Holds every account to its bandwidth: one limit for each direction, shared fairly by whatever the account
 * has under way. Arguments are plain data: a call may cross a process boundary.
 */
export interface Throttle {
  /**
   * Waits until some of the bytes may move; the caller asks again for the rest, with the limit as it is then.
   * @returns how many bytes, at least 1, at most a slice (slice.ts).
   * @throws the signal's reason, at once, when it is aborted; nothing is taken then.
   */
  take(take: Take, signal?: AbortSignal): Promise<number>
}

/** A throttle for the connections of this process. */
export function createThrottle(clock: Clock): Throttle {
  const buckets = new Map<string, TokenBucket>()
  const bucketFor = (key: string, bytesPerSecond: number): TokenBucket => {
    const known = buckets.get(key)
    if (known !== undefined) return known
    // One that is full is as good as a new one: what is kept is for the accounts that move something.
    for (const [other, bucket] of buckets) if (bucket.isFull()) buckets.delete(other)
    const bucket = new TokenBucket(clock, bytesPerSecond)
    buckets.set(key, bucket)
    return bucket
  }
  return {
    async take({ username, direction, transfer, bytes, bytesPerSecond }, signal) {
      signal?.throwIfAborted()
      const bucket = bucketFor(`${direction} ${username}`, bytesPerSecond)
      bucket.changeTo(bytesPerSecond)
      return bucket.take(transfer, bytes, signal)
    },
  }
}
