import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadHostKeys } from './host-keys.ts'
import { fullLog, parsedKey, startSshd, temporaryDirectory, watchForUnhandled } from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const run = promisify(execFile)
const PASSPHRASE = 'hunter2 hunter2'

interface Kind {
  type: string
  sshKeygen: string[]
  openssl: string[]
}

const KINDS: Readonly<Record<string, Kind>> = {
  rsa: {
    type: 'ssh-rsa',
    sshKeygen: ['-t', 'rsa', '-b', '2048'],
    openssl: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  },
  ...Object.fromEntries(
    ['256', '384', '521'].map((bits) => [
      `ecdsa ${bits}`,
      {
        type: `ecdsa-sha2-nistp${bits}`,
        sshKeygen: ['-t', 'ecdsa', '-b', bits],
        openssl: ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:P-${bits}`],
      },
    ]),
  ),
  ed25519: { type: 'ssh-ed25519', sshKeygen: ['-t', 'ed25519'], openssl: ['-algorithm', 'ED25519'] },
}

interface Format {
  header: RegExp
  make(kind: Kind, file: string, passphrase: string): Promise<unknown>
}

const sshKeygen = (format: string[]) => (kind: Kind, file: string, passphrase: string) =>
  run('ssh-keygen', ['-q', ...format, ...kind.sshKeygen, '-N', passphrase, '-C', '', '-f', file])

const FORMATS: Readonly<Record<string, Format>> = {
  OpenSSH: { header: /^-----BEGIN OPENSSH PRIVATE KEY-----/, make: sshKeygen([]) },
  PEM: { header: /^-----BEGIN (RSA|EC) PRIVATE KEY-----/, make: sshKeygen(['-m', 'PEM']) },
  'PKCS#8': {
    header: /^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/,
    make: (kind, file, passphrase) =>
      run('openssl', [
        'genpkey',
        ...kind.openssl,
        '-out',
        file,
        ...(passphrase === '' ? [] : ['-aes256', '-pass', `pass:${passphrase}`]),
      ]),
  },
}

// An ed25519 key has no older form.
const CASES = Object.entries(KINDS).flatMap(([kind, made]) =>
  Object.entries(FORMATS).flatMap(([format, { make, header }]) =>
    kind === 'ed25519' && format === 'PEM' ? [] : [{ kind, format, made, make, header }],
  ),
)

describe.each(CASES)('a host key of $kind in the format $format', ({ made, make, header }) => {
  test('is one that OpenSSH trusts, once it knows it', async () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'host_key')
    await make(made, file, '')
    expect(readFileSync(file, 'utf8')).toMatch(header)
    const hostKeys = await loadHostKeys([file], directory, fullLog())
    expect(hostKeys.map(({ type }) => type)).toEqual([made.type])
    const { port } = await startSshd({ hostKeys })

    const publicKey = parsedKey(hostKeys[0]?.text ?? '').getPublicSSH()
    const known = `[127.0.0.1]:${port} ${made.type} ${publicKey.toString('base64')}`
    expect(await said(port, directory, known)).toContain('Permission denied (')
    const other = Buffer.from(publicKey)
    other.writeUInt8((other.at(-1) ?? 0) ^ 1, other.length - 1)
    // So it is the key that was looked at.
    expect(await said(port, directory, known.replace(/\S+$/, other.toString('base64')))).toContain(
      'Host key verification failed',
    )
  })

  test('is refused with a passphrase, in one line that says so', async () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'host_key')
    await make(made, file, PASSPHRASE)
    await expect(loadHostKeys([file], directory, fullLog())).rejects.toThrow(
      new Error(`host key ${file}: is protected by a passphrase: store it without one`),
    )
  })
})

/** What OpenSSH's client says on its standard error when it has no way to log in. */
async function said(port: number, directory: string, knownHost: string): Promise<string> {
  const knownHosts = path.join(directory, 'known_hosts')
  writeFileSync(knownHosts, `${knownHost}\n`)
  const options = {
    UserKnownHostsFile: knownHosts,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    BatchMode: 'yes',
    IdentityFile: 'none',
    IdentityAgent: 'none',
  }
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const outcome: unknown = await run('ssh', [
    '-F',
    'none',
    ...args,
    '-p',
    String(port),
    'alice@127.0.0.1',
    'pwd',
  ]).catch((error: unknown) => error)
  return String((outcome as { stderr?: unknown }).stderr)
}
