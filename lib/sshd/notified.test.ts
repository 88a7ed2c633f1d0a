import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { FileHooks } from '../notifications/hooks.ts'
import type { FileNotification } from '../notifications/notification.ts'
import {
  connect,
  eventually,
  openFile,
  openSftp,
  PFLAGS,
  startSshd,
  UPLOAD,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

type Told = Omit<FileNotification, 'of'>

async function notified() {
  const told: Told[] = []
  const hooks: FileHooks = { wants: () => true, file: (notification) => void told.push(notification) }
  const server = await startSshd({ hooks })
  const client = await connect(server)
  const { sftp } = await openSftp(client)
  return { server, client, sftp, told, at: (name: string) => path.join(server.home, name) }
}

test('an upload is told when it is closed, with the length of the file, before or after which nothing is', async () => {
  const { sftp, told, at } = await notified()
  const handle = await openFile(sftp, '/up', UPLOAD)
  await sftp.request({ kind: 'write', handle, offset: 90n, data: [Buffer.alloc(10)] })
  expect(told).toEqual([])
  await sftp.request({ kind: 'close', handle })
  const common = { username: 'alice', target: '', protocol: 'SFTP', sshCommand: '' }
  expect(told).toEqual([{ ...common, action: 'upload', path: at('up'), sizeBytes: 100 }])
})

test('a download is told with what was sent, even if that is nothing', async () => {
  const { sftp, told, at } = await notified()
  writeFileSync(at('down'), Buffer.alloc(100))
  for (const len of [30, 0]) {
    const handle = await openFile(sftp, '/down', PFLAGS.read)
    if (len > 0) await sftp.request({ kind: 'read', handle, offset: 0n, len })
    await sftp.request({ kind: 'close', handle })
  }
  expect(told).toMatchObject([
    { action: 'download', path: at('down'), sizeBytes: 30 },
    { action: 'download', path: at('down'), sizeBytes: 0 },
  ])
})

test('names that are no UTF-8 are told byte for byte', async () => {
  const { sftp, told, at } = await notified()
  await sftp.request({ kind: 'close', handle: await openFile(sftp, '/\u00ff\u00fe', UPLOAD) })
  await sftp.request({ kind: 'rename', oldpath: '/\u00ff\u00fe', newpath: '/\u00c3\u00bc' })
  await sftp.request({ kind: 'remove', filename: '/\u00c3\u00bc' })
  const named = told.map(({ action, path: name, target }) => ({ action, name, target }))
  expect(named).toEqual([
    { action: 'upload', name: at('\u00ff\u00fe'), target: '' },
    { action: 'rename', name: at('\u00ff\u00fe'), target: at('\u00c3\u00bc') },
    { action: 'delete', name: at('\u00c3\u00bc'), target: '' },
  ])
})

test('what fails, is cut off, or is no event of a file is not told', async () => {
  const { server, client, sftp, told, at } = await notified()
  for (const request of [
    { kind: 'mkdir', path: '/d', attrs: {} },
    { kind: 'setstat', path: '/d', attrs: { permissions: 0o700 } },
    { kind: 'symlink', targetpath: 'd', linkpath: '/l' },
    { kind: 'rmdir', path: '/d' },
    { kind: 'remove', filename: '/missing' },
    { kind: 'rename', oldpath: '/missing', newpath: '/x' },
    { kind: 'open', filename: '/missing', pflags: PFLAGS.read, attrs: {} },
  ] as const)
    await sftp.request(request)
  await openFile(sftp, '/cut', UPLOAD)
  await new Promise<void>((resolve, reject) => {
    client.exec('md5sum /cut', (error, channel) => {
      if (error === undefined) channel.on('close', () => resolve()).resume()
      else reject(error)
    })
  })
  vanish(client)
  await eventually(() => expect(server.connections.size).toBe(0))
  expect(existsSync(at('cut'))).toBe(true)
  expect(told).toEqual([])
})
