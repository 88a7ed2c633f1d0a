import type { Socket } from 'node:net'
import type { Connection as SshConnection, ServerChannel } from 'ssh2'
import { PacketMaker } from './packet-maker.ts'
import type { PacketSlabs } from './packet-maker.ts'
import type { WindowedChannel } from './receive-window.ts'
import { isExchangingKeys, makeDataPackets, receiveWindow, sendAtOnce } from './transport-internals.ts'

/**
 * Bytes waiting in the socket above which no more are encrypted for it: the client, not our memory, sets the
 * pace. Small, so that the kernel takes them while they are still in the processor's cache.
 */
export const MAX_SOCKET_BYTES = 128 * 1024

/**
 * The way out that all channels of a connection share. It has no room while the client does not take what is
 * in the socket, and while keys are exchanged: until both sides are done the transport would keep everything.
 */
export class Outlet {
  readonly #socket: Socket
  readonly #client: SshConnection
  #waiting: (() => void)[] = []

  constructor(socket: Socket, client: SshConnection, slabs: PacketSlabs) {
    this.#socket = socket
    this.#client = client
    const maker = new PacketMaker(slabs, () => socket.writableLength === 0)
    makeDataPackets(client, (channel, data, layout) => maker.channelData(channel, data, layout))
    const proceed = (): void => {
      for (const callback of this.#waiting.splice(0)) callback()
    }
    socket.on('drain', proceed)
    client.on('handshake', proceed)
  }

  hasRoom(): boolean {
    return this.#socket.writableLength < MAX_SOCKET_BYTES && !isExchangingKeys(this.#client)
  }

  /**
   * Sends without the way through the channel's stream, where nothing has to wait: {@link hasRoom}, nothing waits in the
   * channel, and the client's window takes it all.
   * @returns false when it was not sent.
   */
  sendAtOnce(channel: ServerChannel, bytes: Buffer): boolean {
    return sendAtOnce(this.#client, channel, bytes)
  }

  /** Flow control of what the client sends. */
  receiveWindow(channel: ServerChannel): WindowedChannel {
    return receiveWindow(this.#client, channel)
  }

  /** Calls back once, when there may be room again; never, when the connection is lost before. */
  whenRoom(callback: () => void): void {
    this.#waiting.push(callback)
  }

  /** What is written meanwhile leaves in one system call. */
  together(write: () => void): void {
    this.#socket.cork()
    write()
    this.#socket.uncork()
  }
}
