import type { AuthContext, Connection as SshConnection, NegotiatedAlgorithms } from 'ssh2'
import type { Login } from '../accounts/accounts.ts'
import { keyFingerprint } from '../accounts/public-keys.ts'
import type { Trace, TraceDetails, TraceEventName, Traces } from '../traces/traces.ts'
import type { Refusal } from './authentication.ts'
import { watchOffers } from './transport-internals.ts'

/** Tells a connection's story, and which logins failed with it. */
export class PeerTrace {
  readonly #traces: Traces
  readonly #trace: Trace
  readonly #connectionId: string
  readonly #ip: string
  #refusals = 0
  /** The last key that was refused: of several that a client offers, none is a failed login by itself. */
  #refusedKey: Refusal | undefined
  #told = false

  constructor(traces: Traces, { connectionId, ip, remoteAddress }: PeerName) {
    this.#traces = traces
    this.#connectionId = connectionId
    this.#ip = ip
    this.#trace = traces.begin(connectionId)
    this.add('connected', { remote_address: remoteAddress })
  }

  add(event: TraceEventName, details?: TraceDetails): void {
    this.#trace.add(event, details)
  }

  greeted(client: SshConnection, identification: string): void {
    this.add('identified', { client_version: identification })
    let offer = { what: '', client: '', server: '' }
    const stop = watchOffers(client, ({ what, side, names }) => {
      if (what !== offer.what) offer = { what, client: '', server: '' }
      offer[side] = names
    })
    client.once('handshake', stop)
    client.on('handshake', ({ kex, serverHostKey, cs, sc }: NegotiatedAlgorithms) => {
      this.add('algorithms', {
        kex,
        host_key: serverHostKey,
        cipher_in: cs.cipher,
        cipher_out: sc.cipher,
        // Some ciphers authenticate by themselves.
        mac_in: cs.mac || 'implicit',
        mac_out: sc.mac || 'implicit',
      })
    })
    client.on('error', ({ message }: Error) => {
      if (!message.startsWith('Handshake failed: no matching')) return
      this.add('no_common_algorithm', { reason: message, client_offers: offer.client, server_offers: offer.server })
    })
  }

  /** Around the answer to one request to log in. */
  async deciding(context: AuthContext, decide: () => Promise<void>): Promise<void> {
    const shown = requestDetails(context)
    this.add('auth_request', shown)
    const before = this.#refusals
    await decide()
    const isQuestion = context.method === 'publickey' && context.signature === undefined
    if (isQuestion && this.#refusals === before) this.add('key_acceptable', { fingerprint: shown['fingerprint'] })
  }

  refused(refusal: Refusal): void {
    const { username, loginType: method, reason } = refusal
    this.#refusals++
    this.add('auth_refused', { method, username, reason })
    if (method === 'public_key') this.#refusedKey = refusal
    else this.#failed({ method, username, reason })
  }

  /** The password or key was right, and that was not enough. */
  loginRefused({ user, method }: Pick<Login, 'user' | 'method'>, reason: string): void {
    this.#refusals++
    this.add('login_refused', { method, username: user.username, reason })
    this.#failed({ method: method.split(':')[0] ?? '', username: user.username, reason })
  }

  loggedIn({ user, method }: Pick<Login, 'user' | 'method'>): void {
    this.add('logged_in', { method, username: user.username })
  }

  /** @param error why it ended, `''` for no reason worth telling. */
  ended({ loggedIn, error, tried }: { loggedIn: boolean; error: string; tried: boolean }): void {
    this.add('disconnected', { logged_in: loggedIn, reason: error || 'the client left' })
    this.#trace.end()
    if (loggedIn || this.#told) return
    if (this.#refusedKey !== undefined) {
      const { username, loginType: method, reason } = this.#refusedKey
      this.#failed({ method, username, reason })
    } else if (!tried && error !== '') {
      this.#failed({ method: 'no_auth_tryed', username: '', reason: error })
    }
  }

  #failed(login: { method: string; username: string; reason: string }): void {
    this.#told = true
    this.#traces.failedLogin({ ...login, ip: this.#ip, connectionId: this.#connectionId })
  }
}

interface PeerName {
  connectionId: string
  ip: string
  remoteAddress: string
}

/** Never the password. */
function requestDetails(context: AuthContext): TraceDetails {
  const { method, username } = context
  if (context.method !== 'publickey') return { method, username }
  const { key, signature } = context
  return {
    method,
    username,
    key_type: key.algo,
    fingerprint: keyFingerprint(key.data),
    signed: signature !== undefined,
  }
}
