import type { FileSystem, VirtualPath } from '../filesystem.ts'
import type { Handles } from './handles.ts'
import type { ListingSession } from './listing.ts'
import type { SftpLimits } from './limits.ts'
import { ALONE, OBSERVES_ANYTHING } from './order.ts'
import type { Access } from './order.ts'
import type { Reply, RequestKind, RequestOf } from './packets.ts'
import { OK } from './status.ts'

/** What a handler may use. */
export interface Session extends ListingSession {
  fs: FileSystem
  handles: Handles
  limits: SftpLimits
  /** Mutable: see {@link ListingSession}. */
  changes: number
  /** Login name, which names the account's own home. */
  username: string
  /** Milliseconds since the epoch, also for the dates of long names. */
  now(): number
}

export interface Handler<K extends RequestKind> {
  /** What it may run beside. Called on arrival, when a handle of the request may not be open yet. */
  access(session: Session, request: RequestOf<K>): Access
  /** A rejection becomes a status. */
  run(session: Session, request: RequestOf<K>): Promise<Reply>
  /** What may be done while the client takes in the reply, which has left. */
  afterwards?(session: Session, request: RequestOf<K>): void
}

export type Handlers<K extends RequestKind> = { readonly [P in K]: Handler<P> }

/** The access of a request on a handle; one that is not open (yet) runs alone, so that it is judged in its turn. */
export function onHandle(
  { handles }: Session,
  handle: Buffer,
  how: 'observe' | 'observe-anything' | 'change' | 'readdir' | 'close',
): Access {
  const found = handles.find(handle)
  if (found === undefined) return ALONE
  const key = { key: found.key }
  if (how === 'observe-anything') return OBSERVES_ANYTHING
  if (how === 'observe') return { observes: key, changes: 'nothing' }
  if (how === 'change') return { observes: 'nothing', changes: key }
  if (how === 'close' && found.kind === 'file' && found.file.flags.write) return ALONE
  return { observes: how === 'readdir' ? 'anything' : 'nothing', changes: key }
}

export async function done(work: Promise<void>): Promise<Reply> {
  await work
  return OK
}

/** A NAME reply for one path: its attributes are dummies (§6.10, §6.11). */
export function nameReply(path: string | VirtualPath): Reply {
  return { kind: 'name', entries: [{ filename: path, longname: path, attrs: {} }] }
}
