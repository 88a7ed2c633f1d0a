import { createHash } from 'node:crypto'

export interface DigestRequest {
  method: string
  /** Path and query, as sent. */
  uri: string
  username: string
  password: string
  /** Hexadecimal. */
  clientNonce: string
}

/** RFC 7616 section 3.3; the first one that a server offers and we know counts. */
const ALGORITHMS: Readonly<Record<string, string>> = { MD5: 'md5', 'SHA-256': 'sha256' }

/**
 * The Authorization header that answers a challenge (RFC 7616), or RFC 2069's shorter one where no `qop` is offered.
 * @param challenges each value of WWW-Authenticate.
 * @returns undefined when none of them is a digest challenge that we can answer.
 */
export function digestAuthorization(challenges: readonly string[], request: DigestRequest): string | undefined {
  for (const challenge of challenges) {
    const fields = digestFields(challenge)
    const algorithm = fields?.get('algorithm') ?? 'MD5'
    const hash = ALGORITHMS[algorithm.toUpperCase()]
    const nonce = fields?.get('nonce')
    const realm = fields?.get('realm')
    if (fields === undefined || hash === undefined || nonce === undefined || realm === undefined) continue
    const qop = fields.get('qop')
    if (qop !== undefined && !qop.split(',').some((word) => word.trim().toLowerCase() === 'auth')) continue
    return answer(request, { hash, algorithm, nonce, realm, withQop: qop !== undefined, opaque: fields.get('opaque') })
  }
  return undefined
}

interface Challenge {
  hash: string
  algorithm: string
  nonce: string
  realm: string
  withQop: boolean
  opaque: string | undefined
}

function answer(request: DigestRequest, { hash, algorithm, nonce, realm, withQop, opaque }: Challenge): string {
  const digest = (text: string) => createHash(hash).update(text).digest('hex')
  const { method, uri, username, password, clientNonce } = request
  const secret = digest(`${username}:${realm}:${password}`)
  const target = digest(`${method}:${uri}`)
  // Each challenge is answered once.
  const count = '00000001'
  const middle = withQop ? `${nonce}:${count}:${clientNonce}:auth` : nonce
  const parts = [
    `username=${quoted(username)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    `response="${digest(`${secret}:${middle}:${target}`)}"`,
    `algorithm=${algorithm}`,
    ...(withQop ? ['qop=auth', `nc=${count}`, `cnonce=${quoted(clientNonce)}`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ]
  return `Digest ${parts.join(', ')}`
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
}

const FIELD = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g

/** The fields of a `Digest` challenge, names in lower case; undefined for another scheme. */
function digestFields(challenge: string): ReadonlyMap<string, string> | undefined {
  const scheme = /^\s*digest\s+/i.exec(challenge)
  if (scheme === null) return undefined
  return new Map(
    [...challenge.slice(scheme[0].length).matchAll(FIELD)].map(([, name = '', inQuotes, bare = '']) => [
      name.toLowerCase(),
      inQuotes?.replace(/\\(.)/g, '$1') ?? bare,
    ]),
  )
}
