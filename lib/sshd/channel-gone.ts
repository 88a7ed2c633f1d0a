import { setMaxListeners } from 'node:events'
import type { ServerChannel } from 'ssh2'
import { FsError } from '../../protocol/filesystem.ts'

/** Aborted, with an FsError, when the client closes the channel or is lost, whatever the channel still holds. */
export function channelGone(channel: ServerChannel): AbortSignal {
  const gone = new AbortController()
  // One for each transfer that waits.
  setMaxListeners(0, gone.signal)
  const abort = (): void => gone.abort(new FsError('failure', 'the connection ended before the file was closed'))
  // As in sftp-channel.ts: 'close' waits for data that nobody reads.
  if (channel.stderr.writableEnded) abort()
  else channel.stderr.once('finish', abort)
  return gone.signal
}
