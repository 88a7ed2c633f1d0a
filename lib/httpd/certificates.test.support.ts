import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

export interface Pair {
  folder: string
  certificate: string
  key: string
}

/** A certificate for `localhost` that signed itself, and its key, in a folder that goes with the test. */
export function selfSigned(name = 'localhost'): Pair {
  const folder = mkdtempSync(path.join(tmpdir(), 'sftpgo-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [certificate, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'pipe',
  })
  return { folder, certificate, key }
}
