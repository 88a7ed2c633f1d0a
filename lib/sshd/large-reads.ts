import { Socket } from 'node:net'
import type { OnReadOpts, Server, SocketConstructorOpts } from 'node:net'
import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { ReadRegions } from './read-regions.ts'

/**
 * What this server needs of Node beyond its public interface, in one place: `onread` is public, but for a socket that
 * connects; one that was accepted is made anew around its handle.
 */
interface Accepted {
  _handle: { useUserBuffer?: unknown } | null
  _server: Server | null
}

/** A socket, and where its reads put their bytes. */
export interface ReadingSocket {
  socket: Socket
  regions: ReadRegions
}

type OnHandle = SocketConstructorOpts & { handle: object; pauseOnCreate: boolean; onread: OnReadOpts }

/**
 * A socket that reads up to four times as much at once as sockets do, into memory that is used again. It emits `data` as any
 * other, and never by `read()`.
 *
 * @param accepted paused by its server (`pauseOnConnect`), and not to be used any more.
 * @param slabs see {@link ReadRegions}.
 * @returns paused; `accepted` itself, without a use for its regions, where Node does not allow that.
 */
export function readingLarge(accepted: Socket, slabs: BufferPool): ReadingSocket {
  const regions = new ReadRegions(slabs)
  const { _handle: handle, _server: server } = accepted as unknown as Accepted
  if (typeof handle?.useUserBuffer !== 'function') return { socket: accepted, regions }
  const options: OnHandle = {
    handle,
    pauseOnCreate: true,
    onread: {
      buffer: () => regions.next(),
      callback(bytes, region) {
        regions.taken(bytes)
        socket.emit('data', Buffer.from(region.buffer, region.byteOffset, bytes))
        return true
      },
    },
  }
  Object.assign(accepted, { _handle: null })
  // With the server, which counts it as one of its connections until it is gone.
  const socket: Socket = Object.assign(new Socket(options), { _server: server })
  socket.once('close', () => regions.end())
  return { socket, regions }
}
