import { createRequire } from 'node:module'
import type { Connection as SshConnection, ServerChannel, Session } from 'ssh2'

/** What this server needs of ssh2 beyond its public interface, in one place: look here first after an update. */

interface ChannelState {
  incoming: { id: number; window: number }
  outgoing: { id: number; packetSize: number }
}

/** The longest channel packet the client takes. */
export function largestPacketBytes(session: Session): number {
  return stateOf(session).outgoing.packetSize
}

/** The client sent more than its window allows: the transport would keep it all. */
export function hasOverrunWindow(channel: ServerChannel): boolean {
  return (channel as unknown as ChannelState).incoming.window < 0
}

/** Keys are being exchanged: what is sent now is kept until that is over. */
export function isExchangingKeys(client: SshConnection): boolean {
  const { _protocol: protocol } = client as unknown as { _protocol: { _kexinit: Buffer | undefined } }
  const { _kexinit: packet } = protocol
  return packet !== undefined
}

/** Answers the CLOSE of a session that never got a channel: the transport forgets to, and keeps the session. */
export function closeUnusedSession(client: SshConnection, session: Session): void {
  const { incoming, outgoing } = stateOf(session)
  const { _protocol: protocol, _chanMgr: channels } = client as unknown as {
    _protocol: { channelClose(id: number): void }
    _chanMgr: { remove(id: number): void }
  }
  protocol.channelClose(outgoing.id)
  channels.remove(incoming.id)
}

function stateOf(session: Session): ChannelState {
  const { _chanInfo: state } = session as unknown as { _chanInfo: ChannelState }
  return state
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
