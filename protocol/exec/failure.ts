import { FsError } from '../filesystem.ts'
import type { CommandStream } from './stream.ts'

/** What a client may know of a failure; the rest goes to the log. */
export function reasonOf(error: unknown, what: string, stream: Pick<CommandStream, 'report'>): string {
  if (!(error instanceof FsError) || error.cause !== undefined) stream.report(`${what} failed`, error)
  return error instanceof FsError ? error.message : 'Internal error'
}
