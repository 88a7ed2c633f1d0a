import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** PEM files, by their absolute paths; the first certificate is the server's own, its issuers follow. */
export interface CertificateFiles {
  certificate: string
  key: string
}

/** What node:tls takes. */
export interface Credentials {
  cert: Buffer
  key: Buffer
  minVersion: 'TLSv1.2'
}

/**
 * The files that the settings name, or undefined for a server without TLS.
 * @param resolve makes a path absolute, `''` stays empty.
 * @throws Error of one line when only one of them is set.
 */
export function certificateFiles(
  settings: { certificate_file: string; certificate_key_file: string },
  resolve: (path: string) => string,
): CertificateFiles | undefined {
  const { certificate_file, certificate_key_file } = settings
  if (certificate_file === '' && certificate_key_file === '') return undefined
  const [set, missing] =
    certificate_file === ''
      ? ['httpd.certificate_key_file', 'httpd.certificate_file']
      : ['httpd.certificate_file', 'httpd.certificate_key_file']
  if (certificate_file === '' || certificate_key_file === '') {
    throw new Error(`${set} is set and ${missing} is not: TLS needs both, or neither to serve without it`)
  }
  return { certificate: resolve(certificate_file), key: resolve(certificate_key_file) }
}

/**
 * Reads certificate and key, and makes sure that they can be used together.
 * @throws Error of one line naming the setting, the file and what is wrong with it; never what a file holds.
 */
export async function loadCertificates(files: CertificateFiles): Promise<Credentials> {
  const cert = await read('httpd.certificate_file', files.certificate)
  const key = await read('httpd.certificate_key_file', files.key)
  const certificate = parsed(
    () => new X509Certificate(cert),
    files.certificate,
    'httpd.certificate_file',
    'no certificate in PEM',
  )
  const privateKey = parsed(
    () => privateKeyOf(key),
    files.key,
    'httpd.certificate_key_file',
    'no private key in PEM, or one with a passphrase',
  )
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(
      `httpd.certificate_key_file: ${files.key} is not the key of the certificate in ${files.certificate}`,
    )
  }
  const credentials: Credentials = { cert, key, minVersion: 'TLSv1.2' }
  // The rest of the chain, and whatever the TLS library itself does not like.
  parsed(() => createSecureContext(credentials), files.certificate, 'httpd.certificate_file', 'not usable for TLS')
  return credentials
}

async function read(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`${setting}: ${file} cannot be read (${code})`, { cause: error })
  }
}

function privateKeyOf(pem: Buffer): KeyObject {
  return createPrivateKey({ key: pem, format: 'pem' })
}

function parsed<T>(parse: () => T, file: string, setting: string, problem: string): T {
  try {
    return parse()
  } catch (error) {
    throw new Error(`${setting}: ${file} is ${problem}`, { cause: error })
  }
}
