import { join } from 'node:path'

import type { Case, Context, Place } from '../../case.ts'
import { check, checkFailed, checkSame, checkSucceeded } from '../../harness/check.ts'
import { generateKey } from '../../harness/keys.ts'
import { command } from '../../harness/openssh-client.ts'
import type { OpenSshClient } from '../../harness/openssh-client.ts'
import { run } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { tempDir } from '../../harness/temp.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const PASSWORD = 'correct horse "battery" staple €'

/** Keys of all types, RSA also with one hash only: SHA-1 signatures are nobody's due. */
const SIGNATURES = [
  { what: 'an ed25519 key', type: 'ed25519', options: [] },
  { what: 'an ecdsa key', type: 'ecdsa', options: [] },
  { what: 'an RSA key', type: 'rsa', options: [] },
  { what: 'an RSA key that signs with SHA-256 only', type: 'rsa', options: ['PubkeyAcceptedAlgorithms=rsa-sha2-256'] },
] as const

export const LOGINS: readonly Case[] = [
  ...SIGNATURES.map(({ what, type, options }): Case => ({
    name: `${what} logs in, as one of an account's several keys`,
    async run(context) {
      const dir = await tempDir(context.scope)
      const publicKeys: string[] = []
      for (const each of ['ed25519', 'ecdsa', 'rsa'] as const) {
        publicKeys.push((await generateKey(context.scope, dir, each, each)).publicKey)
      }
      const { client } = await context.place({ publicKeys })
      await accepted(client.as({ privateKeyFiles: [join(dir, type)] }), options)
    },
  })),
  {
    name: "a key that is not the account's is refused",
    async run(context) {
      const { client } = await context.place()
      const other = await generateKey(context.scope, await tempDir(context.scope), 'other', 'ed25519')
      await refused(client.as({ privateKeyFiles: [other.privateKeyFile] }))
      await accepted(client)
    },
  },
  {
    name: 'an unknown key before the right one does no harm',
    async run(context) {
      const { client, key } = await context.place()
      const other = await generateKey(context.scope, await tempDir(context.scope), 'other', 'ed25519')
      await accepted(client.as({ privateKeyFiles: [other.privateKeyFile, key.privateKeyFile] }))
    },
  },
  {
    name: 'the right password is taken, a wrong one is refused',
    needs: 'virtual accounts',
    async run(context) {
      const { client } = await context.place({ password: PASSWORD })
      const withPassword = (password: string): OpenSshClient => client.as({ privateKeyFiles: [], password })
      await accepted(withPassword(PASSWORD))
      await refused(withPassword('wrong'))
      await refused(withPassword(''))
      await refused(withPassword(`${PASSWORD} `))
    },
  },
  {
    name: 'the right password is taken as the answer to a question, a wrong one is refused',
    needs: 'virtual accounts',
    async run(context) {
      const { client } = await context.place({ password: PASSWORD })
      const answering = (password: string): OpenSshClient =>
        client.as({ privateKeyFiles: [], password, keyboardInteractive: true })
      await accepted(answering(PASSWORD))
      await refused(answering('wrong'))
      await refused(answering(''))
    },
  },
  {
    name: 'a name that nobody has is refused like a wrong password',
    needs: 'virtual accounts',
    async run(context) {
      const { client } = await context.place({ password: PASSWORD })
      await refused(client.as({ username: 'nobody-has-it' }))
      await refused(client.as({ username: 'nobody-has-it', privateKeyFiles: [], password: PASSWORD }))
    },
  },
  {
    name: 'a disabled account is refused with key and with password',
    needs: 'virtual accounts',
    async run(context) {
      await loginsOf(await context.place({ password: PASSWORD, enabled: true }), accepted)
      await loginsOf(await context.place({ password: PASSWORD, enabled: false }), refused)
    },
  },
  {
    name: 'an expired account is refused with key and with password',
    needs: 'virtual accounts',
    async run(context) {
      const now = Date.now()
      await loginsOf(await context.place({ password: PASSWORD, expirationDate: now + DAY_MS }), accepted)
      await loginsOf(await context.place({ password: PASSWORD, expirationDate: now - DAY_MS }), refused)
    },
  },
  {
    name: 'host keys and accounts stay the same across a restart of the server',
    timeoutMs: 180_000,
    async run(context) {
      const { client } = await context.place()
      const before = await hostKeys(context)
      check(before.length > 0, 'the server shows no host key')
      await context.server.restart()
      checkSame(await hostKeys(context), before, 'host keys')
      await accepted(client)
    },
  },
]

async function loginsOf({ client }: Place, outcome: (client: OpenSshClient) => Promise<void>): Promise<void> {
  await outcome(client)
  await outcome(client.as({ privateKeyFiles: [], password: PASSWORD }))
}

async function accepted(client: OpenSshClient, options: readonly string[] = []): Promise<void> {
  checkSucceeded(await client.batch([command`pwd`], { options }))
}

async function refused(client: OpenSshClient): Promise<void> {
  checkFailed(await client.batch([command`pwd`]), /Permission denied/)
}

async function hostKeys({ scope, server }: Context): Promise<string[]> {
  const args = ['-p', String(server.port), '-t', 'ed25519,ecdsa,rsa', server.host]
  const { stdout } = await run(scope, requireProgram('ssh-keyscan'), args)
  // Type and key only: the host's part of each line has the port, which a restart may change.
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' ').slice(1).join(' '))
    .toSorted()
}
