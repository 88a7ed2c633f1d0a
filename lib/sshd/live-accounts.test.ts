import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Client } from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { REREAD_MS } from '../accounts/live-users.ts'
import type { UserInput } from '../accounts/accounts.ts'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import { ed25519Pair } from './sample-keys.test.support.ts'
import type { SftpSession, TestServer } from './sshd.test.support.ts'
import {
  PFLAGS,
  UPLOAD,
  closed,
  connect,
  eventually,
  openFile,
  openSftp,
  startSshd,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const KEY = ed25519Pair()

/** Alice, who is in with her password and with a key, and has an upload under way. */
async function twoSessions(): Promise<{ server: TestServer; byPassword: Client; byKey: Client; session: SftpSession }> {
  const server = await startSshd()
  await server.accounts.update(1, { public_keys: [KEY.public] })
  const byPassword = await connect(server)
  const byKey = await connect(server, { privateKey: KEY.private })
  const session = await openSftp(byPassword)
  const handle = await openFile(session.sftp, '/upload', UPLOAD)
  await session.sftp.request({ kind: 'write', handle, offset: 0n, data: [Buffer.from('half')] })
  return { server, byPassword, byKey, session }
}

describe('security 14: who loses what it came with is disconnected, and its uploads end as failed', () => {
  test.each<[string, UserInput | undefined, ('password' | 'key')[], string]>([
    ['a removed user', undefined, ['password', 'key'], 'the user was removed'],
    ['a disabled user', { status: 0 }, ['password', 'key'], 'user is disabled'],
    ['an expired user', { expiration_date: 1 }, ['password', 'key'], 'user is expired'],
    [
      'another home',
      { home_dir: '/srv/elsewhere' },
      ['password', 'key'],
      'the home directory or its owner was changed',
    ],
    ['another password', { password: 'other' }, ['password'], 'the password was changed'],
    ['another key', { public_keys: [ed25519Pair().public] }, ['key'], 'the public key was removed'],
  ])('%s', async (_, change, ended, reason) => {
    const { server, byPassword, byKey, session } = await twoSessions()
    const ends = ended.map((kind) => closed(kind === 'password' ? byPassword : byKey))
    if (change === undefined) await server.accounts.remove(1)
    else await server.accounts.update(1, change)
    await Promise.all(ends)
    const lines = server.log.lines.filter((line) => line.includes('is disconnected'))
    expect(lines).toEqual(ended.map(() => `info "alice" is disconnected: ${reason}`))
    if (ended.includes('password')) {
      await eventually(() => expect(server.log.transfers).toMatchObject([{ error: expect.any(String) }]))
    } else {
      expect(await session.sftp.request({ kind: 'realpath', path: '.' })).toMatchObject({ kind: 'name' })
    }
    if (!ended.includes('key')) await openSftp(byKey)
    expect(server.log.failedLogins).toEqual([])
  })

  test('an account that expires while it is used', async () => {
    const { server, byPassword, byKey } = await twoSessions()
    await server.accounts.update(1, { expiration_date: server.clock.now() + 5000 })
    const ends = [closed(byPassword), closed(byKey)]
    server.clock.advance(5000)
    await openSftp(byKey)
    server.clock.advance(1)
    await Promise.all(ends)
    expect(server.log.lines).toContainEqual('info "alice" is disconnected: user is expired')
  })

  test('a change that another process made in the store', async () => {
    const { server, byPassword, byKey } = await twoSessions()
    const ends = [closed(byPassword), closed(byKey)]
    const stored = await server.provider.userById(1)
    if (stored !== undefined) await server.provider.updateUser({ ...stored, status: 0 })
    await openSftp(byKey)
    server.clock.advance(REREAD_MS)
    await Promise.all(ends)
    expect(server.log.lines).toContainEqual('info "alice" is disconnected: user is disabled')
  })

  test('its place is free again when its uploads are closed', async () => {
    const { server, byPassword, byKey } = await twoSessions()
    const ends = [closed(byPassword), closed(byKey)]
    await server.accounts.update(1, { status: 0, max_sessions: 1 })
    await Promise.all(ends)
    await server.accounts.update(1, { status: 1 })
    await eventually(() => expect(server.connections.size).toBe(0))
    await connect(server)
  })
})

describe('permissions hold from the next operation on', () => {
  test('for what a session asks for', async () => {
    const { server, session } = await twoSessions()
    const { sftp } = session
    const mkdir = (name: string) => sftp.request({ kind: 'mkdir', path: name, attrs: {} })
    expect(await mkdir('/a')).toMatchObject({ code: SSH_FX.OK })
    await server.accounts.update(1, { permissions: ['list', 'upload'] })
    expect(await mkdir('/b')).toMatchObject({ code: SSH_FX.PERMISSION_DENIED })
    expect(existsSync(path.join(server.home, 'b'))).toBe(false)
    await server.accounts.update(1, { permissions: ['create_dirs'] })
    expect(await mkdir('/b')).toMatchObject({ code: SSH_FX.OK })
    expect(await sftp.request({ kind: 'stat', path: '/b' })).toMatchObject({ code: SSH_FX.PERMISSION_DENIED })
  })

  test('for files that turn out to be there', async () => {
    const { server, session } = await twoSessions()
    await server.accounts.update(1, { permissions: ['upload', 'overwrite'] })
    await openFile(session.sftp, '/upload', PFLAGS.write)
    await server.accounts.update(1, { permissions: ['upload'] })
    const again = { kind: 'open', filename: '/upload', pflags: UPLOAD, attrs: {} } as const
    expect(await session.sftp.request(again)).toMatchObject({ code: SSH_FX.PERMISSION_DENIED })
    expect(readFileSync(path.join(server.home, 'upload'), 'utf8')).toBe('half')
  })
})

test('a quota is shown as it is now', async () => {
  const { server, session } = await twoSessions()
  const blocks = async (): Promise<bigint> => {
    const reply = await session.sftp.request({ kind: 'statvfs', path: '/' })
    if (reply.kind !== 'statvfsReply') throw new Error(`statvfs was answered with ${reply.kind}`)
    return reply.blocks
  }
  await server.accounts.update(1, { quota_size: 64 * 1024 })
  const small = await blocks()
  await server.accounts.update(1, { quota_size: 128 * 1024 })
  expect(await blocks()).toBe(2n * small)
})
