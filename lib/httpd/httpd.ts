import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Authenticate } from './basic-auth.ts'
import { readBody } from './body.ts'
import { loadCertificates, type CertificateFiles, type Credentials } from './certificates.ts'
import { createDispatch } from './dispatch.ts'
import { createCallerOf } from './forwarded.ts'
import { createGuard } from './guards.ts'
import { answerClientError } from './malformed.ts'
import { createRequestIds } from './request-ids.ts'
import type { Route } from './router.ts'
import { Sender } from './sender.ts'

/** Room for the cookies and tokens of any proxy in front; node's own 16 KiB is less than 0.9.4 takes. */
const MAX_HEADER_BYTES = 64 * 1024
/** A client that dribbles its headers holds a socket for no longer than this. */
const HEADERS_TIMEOUT_MS = 60_000
/** A client that begins TLS and does not go on: before that there is no request to time out. */
const HANDSHAKE_TIMEOUT_MS = 30_000
/** The whole request, body included: 0.9.4's read timeout, over a minute for each 256 KiB of the largest body. */
const REQUEST_TIMEOUT_MS = 300_000
/** A socket on which nothing moves, such as that of a client which does not read its answer: 0.9.4's write timeout. */
const SOCKET_TIMEOUT_MS = 300_000
/** Sockets that a flood may take from those of the SFTP server; people and scrapers need a few dozen. */
const MAX_CONNECTIONS = 1024
/** How long running requests may take to end once the server closes. */
const CLOSE_GRACE_MS = 5_000

export interface HttpdOptions {
  /** What it serves; any other path is 404. */
  routes: readonly Route[]
  log: Log
  clock: Clock
  /** Hosts the server is reached by, beside its address and loopback: see `createGuard`. */
  allowedHosts?: readonly string[]
  /** Addresses and networks of proxies whose word counts: see `createCallerOf`. */
  trustedProxies?: readonly string[]
  /** Absent: nobody has to log in. */
  authenticate?: Authenticate
  /** Turns on TLS. */
  tls?: { files: CertificateFiles; credentials: Credentials }
  /** Absent: nothing is counted. */
  metrics?: Pick<Metrics, 'httpRequest'>
}

interface Address {
  host: string
  port: number
}

/** The HTTP server. It listens once; after `close` it is done for good. */
export interface Httpd {
  /**
   * @param address `host: ''` is every interface, `port: 0` any free one.
   * @returns the address in use.
   * @throws Error one line naming the address and what is wrong with it.
   */
  listen(address: Address): Promise<Address>
  /** Stops accepting, lets running requests end for up to 5 seconds, then cuts what is left. Safe to call again. */
  close(): Promise<void>
  /**
   * Reads the certificate anew, for connections made from now on; does nothing without TLS.
   * @throws Error of one line, the certificate stays as it was then.
   */
  reloadCertificates(): Promise<void>
  /** Answers one request and logs it; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
}

export function createHttpd(options: HttpdOptions): Httpd {
  const { routes, log, clock, allowedHosts = [], tls } = options
  const { authenticate, trustedProxies = [], metrics } = options
  const callerOf = createCallerOf(trustedProxies)
  const nextRequestId = createRequestIds()
  const sender = new Sender(log)
  // Until the address is known, the strictest answer to which hosts are served.
  let guard = createGuard({ bindHost: '', boundAddress: '127.0.0.1', allowedHosts })
  let closed: Promise<void> | undefined

  const dispatch = createDispatch({
    routes,
    guard: (request) => guard(request),
    ...(authenticate !== undefined && { authenticate }),
    log,
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = clock.monotonic()
    const { method = '', url: target = '', headers, socket } = request
    const caller = callerOf(socket.remoteAddress ?? '', request.headersDistinct)
    const id = caller.requestId ?? nextRequestId()
    // Both are gone once the client is.
    const remoteAddr = caller.proxied ? caller.ip : endpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    response.on('error', (error) => log.app('httpd', 'debug', `request ${id}: the answer was not sent`, { error }))
    const reply = await dispatch({
      id,
      method,
      target,
      headers: request.headersDistinct,
      ip: caller.ip,
      forwardedHost: caller.host,
      body: (maxBytes) => readBody(request, Number(headers['content-length'] ?? 0), maxBytes),
    })
    const respSize = await sender.send(reply, response)
    metrics?.httpRequest(reply.status)
    log.http({
      method,
      proto: `HTTP/${request.httpVersion}`,
      remoteAddr,
      requestId: id,
      uri: `${caller.scheme ?? (tls === undefined ? 'http' : 'https')}://${caller.host ?? headers.host ?? ''}${target}`,
      userAgent: headers['user-agent'] ?? '',
      respStatus: reply.status,
      respSize,
      elapsedMs: Math.round(clock.monotonic() - started),
    })
  }

  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  }
  const answer = (request: IncomingMessage, response: ServerResponse): void => void handle(request, response)
  const tlsServer =
    tls && createTlsServer({ ...limits, ...tls.credentials, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, answer)
  const server = tlsServer ?? createServer(limits, answer)
  tlsServer?.on('tlsClientError', (error, socket) => {
    log.app('httpd', 'debug', 'no TLS', { error })
    socket.destroy()
  })
  server.setTimeout(SOCKET_TIMEOUT_MS)
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    log.app('httpd', 'debug', 'malformed request', { error })
    answerClientError(error, socket)
  })

  return {
    handle,
    async listen({ host, port }) {
      await new Promise<void>((resolve, reject) => {
        const refused = (error: NodeJS.ErrnoException): void => {
          const reason = error.code === 'EADDRINUSE' ? 'the address is already in use' : error.message
          reject(new Error(`httpd cannot listen on ${endpoint(host, port)}: ${reason}`, { cause: error }))
        }
        server.once('error', refused)
        server.listen({ port, ...(host !== '' && { host }) }, () => {
          server.off('error', refused)
          server.on('error', (error) => log.app('httpd', 'error', 'the server failed', { error }))
          resolve()
        })
      })
      const bound = server.address()
      if (bound === null || typeof bound === 'string') throw new Error('httpd listens on no TCP address')
      guard = createGuard({ bindHost: host, boundAddress: bound.address, allowedHosts })
      return { host: bound.address, port: bound.port }
    },
    async reloadCertificates() {
      if (tls === undefined) return
      tlsServer?.setSecureContext(await loadCertificates(tls.files))
      log.app('httpd', 'info', `the certificate was read anew from ${tls.files.certificate}`)
    },
    close() {
      sender.finish()
      closed ??= new Promise((resolve) => {
        if (!server.listening) {
          resolve()
          return
        }
        const deadline = clock.after(CLOSE_GRACE_MS, () => server.closeAllConnections(), { ref: true })
        server.close(() => {
          deadline.cancel()
          resolve()
        })
        server.closeIdleConnections()
      })
      return closed
    },
  }
}

/** `ip:port`, with IPv6 in brackets. */
function endpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
