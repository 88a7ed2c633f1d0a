import { createRequire } from 'node:module'
import type { Connection as SshConnection, ServerChannel, Session } from 'ssh2'
import type { PacketLayout } from './packet-maker.ts'
import type { WindowedChannel } from './receive-window.ts'

/** What this server needs of ssh2 beyond its public interface, in one place: look here first after an update. */

interface ChannelState {
  incoming: { id: number; window: number }
  outgoing: { id: number; packetSize: number; window: number; state: 'open' | 'eof' | 'closing' | 'closed' }
}

interface Protocol {
  /** Our KEXINIT, until keys are exchanged. */
  _kexinit: Buffer | undefined
  _cipher: Cipher
  /** Given to the decipher of each key exchange; until the first, and while keys are exchanged, it is not called. */
  _onPayload(payload: Buffer): number | false | undefined
  channelData(id: number, data: Buffer): void
  channelWindowAdjust(id: number, bytes: number): void
  channelClose(id: number): void
}

/** With the addon, each encrypts in place; without it, or before the first keys, `_instance` is missing. */
interface Cipher {
  _instance?: object
  /** Those of a block cipher with a MAC only. */
  _encBlockLen?: number
  _macLen?: number
  _aadLen?: number
  encrypt(packet: Buffer): void
}

/** The longest channel packet the client takes. */
export function largestPacketBytes(session: Session): number {
  return stateOf(session).outgoing.packetSize
}

/** The client sent more than its window allows: the transport would keep it all. */
export function hasOverrunWindow(channel: ServerChannel): boolean {
  return (channel as unknown as ChannelState).incoming.window < 0
}

/** The channel's side of flow control. */
export function receiveWindow(client: SshConnection, channel: ServerChannel): WindowedChannel {
  const { incoming, outgoing } = channel as unknown as ChannelState
  return {
    window: () => incoming.window,
    adjust(bytes) {
      if (outgoing.state === 'closed') return
      incoming.window += bytes
      protocolOf(client).channelWindowAdjust(outgoing.id, bytes)
    },
  }
}

/** What identifies the channel in the packets of the client. */
export function channelNumber(channel: ServerChannel): number {
  return (channel as unknown as ChannelState).incoming.id
}

/**
 * Lets `take` see the payload of every packet, before the transport gets what it returns. Those of a key exchange behind
 * the client's KEXINIT are not seen; compression has to be off.
 */
export function takePayloads(client: SshConnection, take: (payload: Buffer) => Buffer): void {
  const protocol = protocolOf(client)
  const { _onPayload: asBefore } = protocol
  const taking: Protocol['_onPayload'] = (payload) => asBefore.call(protocol, take(payload))
  Object.assign(protocol, { _onPayload: taking })
}

/** Keys are being exchanged: what is sent now is kept until that is over. */
export function isExchangingKeys(client: SshConnection): boolean {
  const { _kexinit: packet } = protocolOf(client)
  return packet !== undefined
}

/**
 * Lets `make` build the packets of channel data, wherever the cipher in use encrypts in place; otherwise the transport does
 * it as before.
 */
export function makeDataPackets(
  client: SshConnection,
  make: (channel: number, data: Buffer, layout: PacketLayout) => Buffer,
): void {
  const protocol = protocolOf(client)
  const { channelData: asBefore } = protocol
  protocol.channelData = (id, data) => {
    const { _cipher: cipher } = protocol
    const layout = isExchangingKeys(client) ? undefined : layoutOf(cipher)
    if (layout === undefined) asBefore.call(protocol, id, data)
    else cipher.encrypt(make(id, data, layout))
  }
}

/** @returns undefined for a cipher that wants its packets otherwise. */
function layoutOf(cipher: Cipher): PacketLayout | undefined {
  switch (cipher.constructor.name) {
    case 'AESGCMCipherBinding':
      return AES_GCM
    case 'GenericCipherBinding': {
      const { _encBlockLen: blockBytes, _aadLen: clearBytes, _macLen: tagBytes } = cipher
      return blockBytes === undefined || clearBytes === undefined || tagBytes === undefined
        ? undefined
        : { blockBytes, clearBytes, tagBytes }
    }
    default:
      return undefined
  }
}

/** RFC 5647 section 7. */
const AES_GCM: PacketLayout = { blockBytes: 16, clearBytes: 4, tagBytes: 16 }

/**
 * Sends `data` at once when the client's window takes it whole. The caller made sure that nothing waits in the channel.
 * @returns false when it was not sent: `channel.write` is the way then, which waits.
 */
export function sendAtOnce(client: SshConnection, channel: ServerChannel, data: Buffer): boolean {
  const { outgoing } = channel as unknown as ChannelState
  if (outgoing.state !== 'open' || outgoing.window < data.length) return false
  const protocol = protocolOf(client)
  for (let sent = 0; sent < data.length; sent += outgoing.packetSize)
    protocol.channelData(outgoing.id, data.subarray(sent, sent + outgoing.packetSize))
  outgoing.window -= data.length
  return true
}

function protocolOf(client: SshConnection): Protocol {
  const { _protocol: protocol } = client as unknown as { _protocol: Protocol }
  return protocol
}

/** Answers the CLOSE of a session that never got a channel: the transport forgets to, and keeps the session. */
export function closeUnusedSession(client: SshConnection, session: Session): void {
  const { incoming, outgoing } = stateOf(session)
  const { _chanMgr: channels } = client as unknown as { _chanMgr: { remove(id: number): void } }
  protocolOf(client).channelClose(outgoing.id)
  channels.remove(incoming.id)
}

function stateOf(session: Session): ChannelState {
  const { _chanInfo: state } = session as unknown as { _chanInfo: ChannelState }
  return state
}

/** What one side offers of one kind of algorithm. */
export interface Offer {
  what: string
  side: 'client' | 'server'
  /** Comma separated, best first. */
  names: string
}

/** Tells of the offers of a key exchange in the order in which they are compared: the transport keeps none of them. */
export function watchOffers(client: SshConnection, told: (offer: Offer) => void): () => void {
  const { _protocol: protocol } = client as unknown as { _protocol: object }
  const listener = (line: string): void => {
    const [, side, what = '', names = ''] = /^Handshake: \((local|remote)\) ([^:]*): (.*)$/s.exec(line) ?? []
    if (side !== undefined) told({ what, side: side === 'local' ? 'server' : 'client', names })
  }
  Object.assign(protocol, { _debug: listener })
  return () => void Object.assign(protocol, { _debug: undefined })
}

interface Supported {
  SUPPORTED_KEX: readonly string[]
  SUPPORTED_CIPHER: readonly string[]
  SUPPORTED_MAC: readonly string[]
}

/** Every algorithm a server can be configured with. */
export function supportedAlgorithms(): { kex: readonly string[]; cipher: readonly string[]; hmac: readonly string[] } {
  const { SUPPORTED_KEX, SUPPORTED_CIPHER, SUPPORTED_MAC } = createRequire(import.meta.url)(
    'ssh2/lib/protocol/constants.js',
  ) as Supported
  // Group exchange is there for clients only: a server that offers it fails every connection which picks it.
  return {
    kex: SUPPORTED_KEX.filter((name) => !name.includes('group-exchange')),
    cipher: SUPPORTED_CIPHER,
    hmac: SUPPORTED_MAC,
  }
}
