import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'

/** Where the bundle of the system's authorities is: Debian and its kin, Red Hat and its kin, SUSE, Alpine. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const

/**
 * The authorities that may have signed a database's certificate, PEM: those of the file that SSL_CERT_FILE names, or
 * else of the system and of Node; and those of NODE_EXTRA_CA_CERTS. Node alone would not look at the system's.
 * @throws Error naming the variable and the file when it cannot be read.
 */
export async function trustedAuthorities(env: NodeJS.ProcessEnv): Promise<string[]> {
  const own = await named(env, 'SSL_CERT_FILE')
  const extra = await named(env, 'NODE_EXTRA_CA_CERTS')
  return [...(own ?? [...(await systemBundle()), ...rootCertificates]), ...(extra ?? [])]
}

async function named(env: NodeJS.ProcessEnv, variable: string): Promise<string[] | undefined> {
  const file = env[variable]
  if (file === undefined || file === '') return undefined
  try {
    return [await readFile(file, 'utf8')]
  } catch (error) {
    throw new Error(`${variable}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
}

async function systemBundle(): Promise<string[]> {
  for (const file of SYSTEM_BUNDLES) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return [text]
  }
  return []
}
