import { connect } from 'node:net'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { parseBaseUrl } from '../api-client/base-url.ts'
import { createApiClient } from '../api-client/client.ts'
import { transportError } from '../api-client/errors.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'

export interface HealthcheckOptions {
  configDir: string
  configFile: string
  env: NodeJS.ProcessEnv
  /** Base URL of the HTTP server; `''` for the one that the configuration describes. */
  url: string
  /** Asks whether the server can serve, not only whether it answers. */
  ready: boolean
  /** Takes any TLS certificate of `url`. */
  insecure: boolean
  timeoutMs: number
}

/**
 * Asks a server on this machine, or at a URL, how it is. Without an HTTP server it is asked for its SSH identification.
 * @returns what was asked, in one line.
 * @throws ApiError or ConfigError in one line when the server is not well, or cannot be asked; RangeError for a wrong URL.
 */
export async function healthcheck(options: HealthcheckOptions): Promise<string> {
  const { url, insecure } = options
  if (url !== '') return askHttp(parseBaseUrl(url), insecure, options)
  const { config } = await loadConfig({
    configDir: resolve(options.configDir),
    configFile: options.configFile,
    env: options.env,
    cwd: process.cwd(),
    home: homedir(),
  })
  // The certificate names the host that clients know, and this is a way to the same machine.
  if (config.httpd.bind_port !== 0) return askHttp(parseBaseUrl(baseUrlOf(config)), true, options)
  const { bind_address: host, bind_port: port } = config.sftpd
  if (port === 0) throw new Error('httpd.bind_port and sftpd.bind_port are 0: there is no known port to ask')
  return askSsh(reachable(host), port, options.timeoutMs)
}

async function askHttp(baseUrl: URL, insecure: boolean, { ready, timeoutMs }: HealthcheckOptions): Promise<string> {
  const client = createApiClient({ baseUrl, insecure, timeoutMs })
  try {
    const path = ready ? 'readyz' : 'healthz'
    await client.send({ method: 'GET', path })
    return `ok: ${baseUrl.href}${path}`
  } finally {
    await client.close()
  }
}

function baseUrlOf({ httpd }: Config): string {
  const tls = 'certificate_file' in httpd && httpd.certificate_file !== ''
  const host = reachable(httpd.bind_address)
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${httpd.bind_port}`
}

/** What listens on all interfaces is reached by loopback. */
function reachable(bindAddress: string): string {
  if (bindAddress === '' || bindAddress === '0.0.0.0') return '127.0.0.1'
  return bindAddress === '::' ? '::1' : bindAddress
}

const IDENTIFICATION = /^SSH-2\.0-[ -~]+\r?\n/
/** RFC 4253 section 4.2: the identification may have 255 bytes; lines before it are not ours. */
const IDENTIFICATION_MAX_BYTES = 255

function askSsh(host: string, port: number, timeoutMs: number): Promise<string> {
  const origin = `ssh://${host.includes(':') ? `[${host}]` : host}:${port}`
  return new Promise((done, reject) => {
    const socket = connect({ host, port })
    let received = ''
    const fail = (error: unknown): void => {
      socket.destroy()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    socket.setTimeout(timeoutMs, () => fail(new Error(`${origin} said nothing within ${timeoutMs / 1000} seconds`)))
    socket.on('error', (error) => fail(transportError(error, origin, timeoutMs)))
    socket.on('close', () => fail(new Error(`${origin} closed the connection`)))
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (IDENTIFICATION.test(received)) {
        done(`ok: ${origin}`)
        socket.destroy()
      } else if (received.length > IDENTIFICATION_MAX_BYTES || received.includes('\n'))
        fail(new Error(`${origin} is no SSH server`))
    })
  })
}
