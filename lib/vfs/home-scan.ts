import type { QuotaUse } from '../providers/provider.ts'
import { inodeOf } from './file-state.ts'
import { removeTree } from './copy-tree.ts'
import type { Storage } from './storage.ts'
import { isTemporaryName, readTemporaryName } from './temporary-name.ts'
import { walkTree } from './walk-tree.ts'
import type { Step } from './walk-tree.ts'

export interface ScanOptions {
  storage: Storage
  /** Host path, one character a byte; may lead through links. */
  home: string
  /** Processes that are no more: what they left of uploads is removed, or published where that is asked for. */
  orphansOf?: readonly string[]
  /** Uploads that were under way get their name, where it is free, so that clients can go on with them. */
  resumable?: boolean
  /** Files that are not counted, by their inode as `inodeOf` names it. */
  leaveOut?: (inode: string) => boolean
  /** Told of the sum so far, after every file. */
  progress?: (use: QuotaUse) => void
  /** Ends the scan, which throws the signal's reason. */
  signal?: AbortSignal
}

/**
 * What is in a home directory: the sizes of its regular files and their number. Links are not followed, a file
 * with several names counts once, uploads under way do not count.
 * @throws the storage's error when a directory cannot be read.
 */
export async function scanHome(options: ScanOptions): Promise<QuotaUse> {
  const { storage, home, orphansOf = [], resumable = false, leaveOut, progress, signal } = options
  const use: QuotaUse = { size: 0, files: 0 }
  const seen = new Set<string>()
  /** Directories under a temporary name: copies of a move that was under way. */
  let hidden = 0
  for await (const step of walkTree(storage, `${home}/.`)) {
    signal?.throwIfAborted()
    const temporary = isTemporaryName(step.name)
    if (step.kind === 'leave') hidden -= temporary ? 1 : 0
    if (step.kind === 'enter') hidden += temporary ? 1 : 0
    const kept = temporary && step.kind !== 'leave' && (await lookAfterOrphan(storage, step, orphansOf, resumable))
    if (step.kind !== 'leaf' || !step.stats.isFile() || (temporary && !kept) || hidden > 0) continue
    if (leaveOut?.(inodeOf(step.stats)) === true) continue
    if (step.stats.nlink > 1) {
      if (seen.has(inodeOf(step.stats))) continue
      seen.add(inodeOf(step.stats))
    }
    use.size += step.stats.size
    use.files++
    progress?.(use)
  }
  return use
}

/** @returns whether it is a file of the account now. */
async function lookAfterOrphan(
  storage: Storage,
  { at, name, kind, stats }: Step,
  orphansOf: readonly string[],
  resumable: boolean,
): Promise<boolean> {
  const temporary = readTemporaryName(name)
  if (temporary === undefined || !orphansOf.includes(temporary.instance)) return false
  if (resumable && kind === 'leaf' && stats.isFile() && !temporary.cut) {
    try {
      // A hard link never replaces what is there.
      await storage.link(at, at.slice(0, -name.length) + temporary.name)
      await storage.unlink(at)
      return true
    } catch {
      // The name is taken: the file that was to be replaced is the one to keep.
    }
  }
  await removeTree(storage, at)
  return false
}
