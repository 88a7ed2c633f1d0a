import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Client, SFTPWrapper } from 'ssh2'
import { onTestFinished } from 'vitest'
import { serve, shown } from '../../serve.ts'
import { rsaKey } from '../../sshd/sample-keys.test.support.ts'
import { PASSWORD } from '../../sshd/sshd.test.support.ts'
import type { ProviderConfig } from '../open.ts'
import { freePort } from './server-process.test.support.ts'

/** The whole server over a database. */
export async function served(config: ProviderConfig) {
  const root = mkdtempSync(path.join(tmpdir(), 'sftpgo-outage-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(path.join(root, 'id_rsa'), rsaKey(), { mode: 0o600 })
  const settings = {
    sftpd: { bind_port: 0, bind_address: '127.0.0.1' },
    data_provider: { ...config, users_base_dir: path.join(root, 'homes') },
    httpd: { bind_port: await freePort(), bind_address: '127.0.0.1' },
  }
  writeFileSync(path.join(root, 'sftpgo.json'), JSON.stringify(settings))
  const running = await serve({
    configDir: root,
    configFile: 'sftpgo',
    log: {
      filePath: path.join(root, 'log'),
      maxSizeMb: 10,
      maxBackups: 1,
      maxAgeDays: 1,
      compress: false,
      verbose: true,
    },
    env: {},
    stdout: () => undefined,
  })
  onTestFinished(() => running.stop())
  const addAlice = async () => {
    if (running.httpAddress === undefined) throw new Error('the HTTP server was expected to listen')
    const response = await fetch(`http://${shown(running.httpAddress)}/api/v1/user`, {
      method: 'POST',
      headers: { connection: 'close', 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password: PASSWORD, permissions: ['*'] }),
    })
    if (response.status !== 200) throw new Error(`alice was not added: ${await response.text()}`)
  }
  return { root, running, addAlice }
}

/** A file that is being written, by ssh2's own client. */
export async function openUpload(client: Client, name: string) {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error)))
  })
  const handle = await new Promise<Buffer>((resolve, reject) => {
    sftp.open(name, 'w', (error, opened) => (error === undefined ? resolve(opened) : reject(error)))
  })
  let offset = 0
  const done = (act: (callback: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      act((error) => (error === undefined || error === null ? resolve() : reject(error)))
    })
  return {
    async write(text: string): Promise<void> {
      const bytes = Buffer.from(text)
      await done((callback) => sftp.write(handle, bytes, 0, bytes.length, offset, callback))
      offset += bytes.length
    },
    close: () => done((callback) => sftp.close(handle, callback)),
  }
}
