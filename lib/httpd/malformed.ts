import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { genericReply, SECURITY_HEADERS } from './replies.ts'

/** What node's parser refuses before there is a request to answer; anything else is 400. */
const REFUSALS: Readonly<Record<string, { status: number; error: string } | undefined>> = {
  HPE_HEADER_OVERFLOW: { status: 431, error: 'the request headers are too long' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, error: 'the request took too long to arrive' },
}

/** Answers what could not be read as HTTP, and closes: where the next request begins is unknown. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, error: text } = REFUSALS[error.code ?? ''] ?? { status: 400, error: 'malformed HTTP request' }
  const { headers, body } = genericReply(status, { error: text })
  const all = { ...SECURITY_HEADERS, ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`
  socket.end(head + body, () => socket.destroy())
}
