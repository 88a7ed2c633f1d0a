import { generateKeyPair } from 'node:crypto'
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import type { ParsedKey } from 'ssh2'
import type { Log } from '../logging/log.ts'

const generate = promisify(generateKeyPair)

/** A host key in the form the transport takes, and where it came from. */
export interface HostKey {
  file: string
  type: string
  /** PEM or OpenSSH text. */
  text: string
}

const PUBLIC_KEY = { type: 'spki', format: 'pem' } as const

/** Made on first start beside each other; clients choose the type they like best, in this order. */
const GENERATED: readonly { name: string; generate(): Promise<string> }[] = [
  {
    name: 'id_ed25519',
    // Node writes ed25519 keys in PKCS#8 only, which the transport does not read.
    generate: async () => ssh2.utils.generateKeyPairSync('ed25519').private,
  },
  {
    name: 'id_ecdsa',
    generate: async () =>
      (
        await generate('ec', {
          namedCurve: 'P-256',
          privateKeyEncoding: { type: 'sec1', format: 'pem' },
          publicKeyEncoding: PUBLIC_KEY,
        })
      ).privateKey,
  },
  {
    name: 'id_rsa',
    generate: async () =>
      (
        await generate('rsa', {
          modulusLength: 4096,
          privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
          publicKeyEncoding: PUBLIC_KEY,
        })
      ).privateKey,
  },
]

/**
 * The server's keys: the configured files, or id_ed25519, id_ecdsa and id_rsa in `directory`, each made with
 * mode 0600 where it is missing.
 * @param configured absolute paths.
 * @throws Error with one line that names the file when one cannot be read, used or made.
 */
export async function loadHostKeys(configured: readonly string[], directory: string, log: Log): Promise<HostKey[]> {
  if (configured.length > 0) return Promise.all(configured.map(loadHostKey))
  await mkdir(directory, { recursive: true })
  return Promise.all(
    GENERATED.map(async ({ name, generate: make }) => {
      const file = path.join(directory, name)
      const existing = await tryLoadHostKey(file)
      if (existing !== undefined) return existing
      log.app('sftpd', 'info', `no host key ${file}: making one`)
      await writeNewFile(file, await make())
      return loadHostKey(file)
    }),
  )
}

/** Keys that live in memory only. */
export async function temporaryHostKeys(): Promise<HostKey[]> {
  return Promise.all(
    GENERATED.filter(({ name }) => name !== 'id_rsa').map(async ({ name, generate: make }) =>
      hostKey(name, await make()),
    ),
  )
}

/**
 * The form that `new ssh2.Server({ hostKeys })` takes. An RSA key stands for two entries named after the
 * SHA-2 signatures, since under its own name the transport would sign with SHA-1 as well.
 */
export function transportHostKeys(keys: readonly HostKey[]): { key: ParsedKey }[] {
  return keys.flatMap(({ text }) => {
    const key = ssh2.utils.parseKey(text)
    if (key instanceof Error) throw key
    if (key.type !== 'ssh-rsa') return [{ key }]
    return ['rsa-sha2-512', 'rsa-sha2-256'].map((type) => ({
      key: Object.create(key, { type: { value: type } }) as ParsedKey,
    }))
  })
}

async function loadHostKey(file: string): Promise<HostKey> {
  const key = await tryLoadHostKey(file)
  if (key === undefined) throw new Error(`host key ${file}: no such file`)
  return key
}

async function tryLoadHostKey(file: string): Promise<HostKey | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`host key ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
  return hostKey(file, text)
}

function hostKey(file: string, text: string): HostKey {
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) {
    const reason = /encrypted/i.test(key.message)
      ? 'is protected by a passphrase: store it without one'
      : `is no private key that can be used: OpenSSH, PKCS#1 and SEC1 files of type rsa, ecdsa and ed25519 can (${key.message})`
    throw new Error(`host key ${file}: ${reason}`, { cause: key })
  }
  if (!key.isPrivateKey()) throw new Error(`host key ${file}: is a public key, the private one is needed`)
  if (key.type === 'ssh-dss') throw new Error(`host key ${file}: is of type dsa; rsa, ecdsa and ed25519 can be used`)
  return { file, type: key.type, text }
}

/** All or nothing, also when two servers start at once: the first to link its file wins. */
async function writeNewFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(temporary, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new Error(`host key ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`, {
        cause: error,
      })
    }
  } finally {
    await unlink(temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'EACCES' && error.code !== 'EROFS') throw error
    })
  }
}
