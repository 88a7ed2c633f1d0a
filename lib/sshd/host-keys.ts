import { createPrivateKey, generateKeyPair, randomBytes } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import type { ParsedKey } from 'ssh2'
import type { Log } from '../logging/log.ts'
import { makeDirectories } from './make-directories.ts'
import { opensshText } from './openssh-key.ts'

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
    generate: async () => opensshText((await generate('ed25519')).privateKey),
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

/** What the keys are called that the server makes for itself. */
export const HOST_KEY_NAMES: readonly string[] = GENERATED.map(({ name }) => name)

/**
 * The server's keys: the configured files, or id_ed25519, id_ecdsa and id_rsa in `directory`, each made with
 * mode 0600 where it is missing.
 * @param configured absolute paths.
 * @throws Error with one line that names the file when one cannot be read, used or made.
 */
export async function loadHostKeys(configured: readonly string[], directory: string, log: Log): Promise<HostKey[]> {
  if (configured.length > 0) return settled(configured.map(readHostKey))
  await makeDirectories(directory).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`host keys: the directory ${directory} cannot be made (${error.code})`, { cause: error })
  })
  const files = GENERATED.map(({ name, generate: make }) => ({ file: path.join(directory, name), make }))
  const existing = await settled(files.map(({ file }) => tryLoadHostKey(file)))
  const keys: HostKey[] = []
  // One by one, the slow one last: where the first cannot be written, none is made for nothing.
  for (const [index, { file, make }] of files.entries()) {
    keys.push(existing[index] ?? (await newHostKey(file, make, log)))
  }
  return keys
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

async function newHostKey(file: string, make: () => Promise<string>, log: Log): Promise<HostKey> {
  log.app('sftpd', 'info', `no host key ${file}: making one`)
  await writeNewFile(file, await make())
  // Another server may have been faster.
  return readHostKey(file)
}

/** As Promise.all, but nothing is under way any more when it rejects. */
async function settled<T>(work: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return Promise.all(work)
}

/** @throws Error with one line that names the file. */
export async function readHostKey(file: string): Promise<HostKey> {
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

function hostKey(file: string, content: string): HostKey {
  const text = withoutPkcs8(content)
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) {
    const reason =
      /encrypted/i.test(key.message) || ENCRYPTED_PKCS8.test(content)
        ? 'is protected by a passphrase: store it without one'
        : `is no private key that can be used: rsa, ecdsa and ed25519 in OpenSSH's format or PEM can (${key.message})`
    throw new Error(`host key ${file}: ${reason}`, { cause: key })
  }
  if (!key.isPrivateKey()) throw new Error(`host key ${file}: is a public key, the private one is needed`)
  if (key.type === 'ssh-dss') throw new Error(`host key ${file}: is of type dsa; rsa, ecdsa and ed25519 can be used`)
  return { file, type: key.type, text }
}

const ENCRYPTED_PKCS8 = /^\s*-----BEGIN ENCRYPTED PRIVATE KEY-----/

/** The transport reads no PKCS#8: a key in it gets its older form, anything else stays as it is. */
function withoutPkcs8(content: string): string {
  if (!/^\s*-----BEGIN PRIVATE KEY-----/.test(content)) return content
  try {
    const key = createPrivateKey(content)
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString()
    if (key.asymmetricKeyType === 'ed25519') return opensshText(key)
    if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString()
  } catch {
    // Whoever reads it next says what is wrong.
  }
  return content
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
