import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Client } from 'ssh2'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { defaultConfig } from '../config/schema.ts'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import { temporaryHostKeys } from './host-keys.ts'
import { LAST_REQUEST_MS } from './peer.ts'
import {
  UPLOAD,
  closed,
  connect,
  openFile,
  openSftp,
  startClient,
  startSshd,
  watchForUnhandled,
} from './sshd.test.support.ts'

vi.setConfig({ testTimeout: 30_000 })
beforeEach(watchForUnhandled)

const GRACE_MS = 60_000
const content = Buffer.from('what was sent')

describe('a server that is about to stop', () => {
  test('lets an upload finish and get its final name, opens nothing else and accepts nobody', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file.part', UPLOAD)
    const gone = closed(client)
    let drained = false
    const draining = server.sshd.drain(GRACE_MS).then(() => (drained = true))
    await expect(connect(server)).rejects.toThrow(/ECONNREFUSED/)

    expect(await sftp.request({ kind: 'open', filename: '/other', pflags: UPLOAD, attrs: {} })).toMatchObject({
      code: SSH_FX.FAILURE,
      message: 'The server is about to stop',
    })
    await expect(openSftp(client)).rejects.toThrow(/open failure/)
    server.clock.advance(GRACE_MS / 2)
    expect(await sftp.request({ kind: 'write', handle, offset: 0n, data: [content] })).toMatchObject({
      code: SSH_FX.OK,
    })
    expect(await sftp.request({ kind: 'close', handle })).toMatchObject({ code: SSH_FX.OK })
    const renamed = await sftp.request({ kind: 'rename', oldpath: '/file.part', newpath: '/file' })
    expect(renamed).toMatchObject({ code: SSH_FX.OK })
    expect(drained).toBe(false)

    server.clock.advance(2 * LAST_REQUEST_MS)
    await Promise.all([gone, draining])
    expect(readFileSync(path.join(server.home, 'file')).equals(content)).toBe(true)
    expect(existsSync(path.join(server.home, 'other'))).toBe(false)
    expect(server.log.transfers).toMatchObject([
      { sender: 'Upload', error: 'The server is about to stop' },
      { sender: 'Upload', sizeBytes: content.length },
    ])
    expect(server.log.transfers[1]?.error).toBeUndefined()
  })

  test('ends who transfers nothing at once: an idle session, one without a channel, one that is not logged in', async () => {
    const server = await startSshd()
    const [idle, bare] = [await connect(server), await connect(server)]
    const { sftp } = await openSftp(idle)
    const handle = await openFile(sftp, '/file', UPLOAD)
    await sftp.request({ kind: 'close', handle })
    const stranger = startClient(server, { authHandler: () => undefined })
    await new Promise((resolve) => stranger.once('handshake', resolve))
    const gone = Promise.all([idle, bare, stranger].map(closed))
    await server.sshd.drain(GRACE_MS)
    await gone
    expect(server.connections.size).toBe(0)
    expect(server.clock.timers).toBe(0)
  })

  test('ends transfers that take longer than the grace time as failed', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', UPLOAD)
    await sftp.request({ kind: 'write', handle, offset: 0n, data: [content] })
    const draining = server.sshd.drain(GRACE_MS)
    server.clock.advance(GRACE_MS)
    await draining
    expect(server.log.lines).toContain('warn the time is over: 1 connections with transfers are ended')
    expect(server.connections.size).toBe(1)
    await server.sshd.close()
    expect(server.log.transfers).toMatchObject([
      { sender: 'Upload', error: 'the connection ended before the file was closed' },
    ])
  })

  test('without grace time leaves everything to close', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const gone = closed(client)
    await server.sshd.drain(0)
    await server.sshd.close()
    await expect(gone).resolves.toBeUndefined()
  })
})

describe('other settings while it runs', () => {
  const keyOf = async (server: { port: number }): Promise<string> => {
    let key = ''
    await connect(server, { hostVerifier: (shown: Buffer) => (key = shown.toString('base64')) !== '' })
    return key
  }
  const settings = (changes: object) => ({
    config: { ...defaultConfig().sftpd, banner: 'Other_2.0', enabled_ssh_commands: [], ...changes },
    loginBanner: 'welcome',
  })

  test('are for new connections; those that are there stay as they were', async () => {
    const server = await startSshd()
    const before = await connect(server)
    const old = await keyOf(server)
    const apply = server.sshd.prepare({ ...settings({}), hostKeys: await temporaryHostKeys() })
    expect(await keyOf(server)).toBe(old)
    apply()
    expect(await keyOf(server)).not.toBe(old)
    let banner = ''
    const after = startClient(server)
    after.on('banner', (text) => (banner = text))
    await new Promise<void>((resolve) => void after.once('ready', () => resolve()))
    expect(banner.trim()).toBe('welcome')
    const runs = (client: Client) =>
      new Promise((resolve) =>
        client.exec('pwd', (error, channel) => {
          channel?.resume()
          resolve(error === undefined)
        }),
      )
    expect([await runs(before), await runs(after)]).toEqual([true, false])
    await openSftp(before)
  })

  test('that the transport does not have are refused, and nothing changes', async () => {
    const server = await startSshd()
    const old = await keyOf(server)
    const hostKeys = await temporaryHostKeys()
    expect(() => server.sshd.prepare({ ...settings({ ciphers: ['rot13'] }), hostKeys })).toThrow(
      /"rot13" cannot be used/,
    )
    expect(await keyOf(server)).toBe(old)
  })
})
