import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Client, SFTPWrapper } from 'ssh2'
import { VirtualClock } from '../clock.test.support.ts'
import { figuresIn } from '../metrics/exposition.test.support.ts'
import { createPrometheus } from '../metrics/prometheus.ts'
import { ed25519Pair } from './sample-keys.test.support.ts'
import {
  authenticateRaw,
  connect,
  parsedKey,
  signer,
  startSshd,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const KEY = ed25519Pair('first')

/** A server that is measured. */
async function measured() {
  const metrics = createPrometheus({
    gauges: { activeConnections: () => 0, activeTransfers: () => 0, openConnections: () => 0, bans: async () => 0 },
    build: { version: '', commit: '' },
    clock: new VirtualClock(),
  })
  onTestFinished(() => metrics.stop())
  const server = await startSshd({ metrics })
  const figures = async () => figuresIn(await metrics.text())
  /** Attempts, accepted and refused ones. */
  const logins = async (prefix: string) => {
    const all = await figures()
    return ['attempts', 'ok', 'ko'].map((what) => all[`sftpgo_${prefix}login_${what}_total`])
  }
  return { server, figures, logins }
}

function sftpOf(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) =>
    client.sftp((error, sftp) => (error === undefined ? resolve(sftp) : reject(error))),
  )
}

function done(call: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())))
}

function run(client: Client, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error !== undefined) return reject(error)
      channel.on('exit', (status: number) => resolve(status))
      channel.resume()
    })
  })
}

test('passwords that are right, wrong, and of nobody', async () => {
  const { server, logins } = await measured()
  await connect(server)
  await connect(server, { password: 'wrong' }).catch(() => undefined)
  await connect(server, { username: 'nobody' }).catch(() => undefined)
  expect(await logins('password_')).toEqual([3, 1, 2])
  expect(await logins('')).toEqual([3, 1, 2])
  expect(await logins('public_key_')).toEqual([0, 0, 0])
})

test('a password that is right and not let in is refused', async () => {
  const { server, logins } = await measured()
  await server.addUser({ username: 'single', max_sessions: 1 })
  await connect(server, { username: 'single' })
  await connect(server, { username: 'single' }).catch(() => undefined)
  expect(await logins('password_')).toEqual([2, 1, 1])
})

test('a key counts once it is proved, a question about it never as accepted', async () => {
  const { server, logins } = await measured()
  await server.addUser({ username: 'keys', public_keys: [KEY.public] })
  const key = parsedKey(KEY.private)
  await authenticateRaw(server, [(protocol) => protocol.authPK('keys', key, 'ssh-ed25519')])
  expect(await logins('public_key_')).toEqual([0, 0, 0])
  await authenticateRaw(server, [
    (protocol) => protocol.authPK('keys', key, 'ssh-ed25519'),
    (protocol) => protocol.authPK('keys', key, 'ssh-ed25519', signer(key)),
  ])
  expect(await logins('public_key_')).toEqual([1, 1, 0])
  await authenticateRaw(server, [(protocol) => protocol.authPK('alice', key, 'ssh-ed25519')])
  expect(await logins('public_key_')).toEqual([2, 1, 1])
  expect(await logins('')).toEqual([2, 1, 1])
})

test('files that are read and written, and one whose client vanishes', async () => {
  const { server, figures } = await measured()
  const client = await connect(server)
  const sftp = await sftpOf(client)
  await done((callback) => sftp.writeFile('/a', Buffer.alloc(100_000), callback))
  await done((callback) => sftp.readFile('/a', callback))
  await done((callback) => sftp.open('/b', 'w', callback))
  vanish(client)
  await vi.waitFor(async () => expect((await figures())['sftpgo_upload_errors_total']).toBe(1), { timeout: 20_000 })
  expect(await figures()).toMatchObject({
    sftpgo_uploads_total: 1,
    sftpgo_upload_size: 100_000,
    sftpgo_downloads_total: 1,
    sftpgo_download_size: 100_000,
    sftpgo_download_errors_total: 0,
    'sftpgo_transfer_size_bytes_count{operation="upload"}': 2,
  })
})

test('commands, by how they end; one that hashes a file transfers none', async () => {
  const { server, figures } = await measured()
  const client = await connect(server)
  const sftp = await sftpOf(client)
  await done((callback) => sftp.writeFile('/a', Buffer.from('x'), callback))
  expect(await run(client, 'md5sum /a')).toBe(0)
  expect(await run(client, 'md5sum /missing')).toBe(1)
  expect(await figures()).toMatchObject({
    'sftpgo_ssh_commands_total{command="md5sum",result="ok"}': 1,
    'sftpgo_ssh_commands_total{command="md5sum",result="error"}': 1,
    sftpgo_downloads_total: 0,
  })
})
