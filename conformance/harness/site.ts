import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import ssh2 from 'ssh2'
import type { SFTPWrapper } from 'ssh2'
import { serve, type Address, type Running } from '../../lib/serve.ts'
import { rsaKey } from '../../lib/sshd/sample-keys.test.support.ts'
import { freePort, LOOPBACK, retryOnClash } from './ports.ts'
import type { Scope } from './scope.ts'
import { tempDir } from './temp.ts'

export const PASSWORD = 'correct horse battery'

/** A server of this process with an empty database, on free ports. */
export interface Site {
  url: string
  homes: string
  logPath: string
  sftp: Address
  running: Running
  /** @throws Error with the answer when the account is refused. */
  addUser(fields: { username: string } & Record<string, unknown>): Promise<number>
  changeUser(id: number, fields: Record<string, unknown>): Promise<void>
}

export function startSite(scope: Scope, sections: Record<string, object> = {}): Promise<Site> {
  return retryOnClash(async () => {
    const root = await tempDir(scope)
    const configDir = join(root, 'etc')
    const homes = join(root, 'homes')
    const logPath = join(root, 'sftpgo.log')
    await mkdir(configDir)
    // Making one of 4096 bits takes seconds.
    await writeFile(join(configDir, 'id_rsa'), rsaKey(), { mode: 0o600 })
    const config = {
      sftpd: { bind_port: 0, bind_address: LOOPBACK },
      httpd: { bind_port: await freePort(), bind_address: LOOPBACK },
      data_provider: { users_base_dir: homes },
      ...sections,
    }
    await writeFile(join(configDir, 'sftpgo.json'), JSON.stringify(config))
    const umask = process.umask()
    scope.defer(() => void process.umask(umask))
    const running = await serve({
      configDir,
      configFile: 'sftpgo',
      log: {
        filePath: logPath,
        maxSizeMb: 10,
        maxBackups: 5,
        maxAgeDays: 28,
        compress: false,
        verbose: true,
      },
      env: {},
      stdout: () => undefined,
    })
    scope.defer(() => running.stop())
    if (running.httpAddress === undefined) throw new Error('the HTTP server was expected to listen')
    const url = `http://${LOOPBACK}:${running.httpAddress.port}`
    const send = async (method: string, path: string, fields: object): Promise<{ id: number }> => {
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(url + path, { method, headers, body: JSON.stringify(fields) })
      const answer = (await response.json()) as { id: number }
      if (response.status !== 200) throw new Error(JSON.stringify(answer))
      return answer
    }
    return {
      url,
      homes,
      logPath,
      sftp: running.sftpAddress,
      running,
      async addUser(fields) {
        const added = await send('POST', '/api/v1/user', { password: PASSWORD, permissions: ['*'], ...fields })
        return added.id
      },
      async changeUser(id, fields) {
        await send('PUT', `/api/v1/user/${id}`, fields)
      },
    }
  })
}

export interface Session {
  sftp: SFTPWrapper
  /** Resolves when the connection has ended, for whatever reason. */
  ended: Promise<void>
}

/** A real login over SFTP, ended with the scope. @throws Error when it is refused. */
export async function login(scope: Scope, { sftp: address }: Site, username: string, ident?: string): Promise<Session> {
  const client = new ssh2.Client()
  scope.defer(() => void client.end())
  const ended = new Promise<void>((resolve) => void client.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.once('error', reject)
    client.connect({
      ...address,
      username,
      password: PASSWORD,
      ...(ident !== undefined && { ident }),
      algorithms: { serverHostKey: ['rsa-sha2-512', 'rsa-sha2-256'] },
    })
  })
  client.on('error', () => undefined)
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, wrapper) => (error ? reject(error) : resolve(wrapper)))
  })
  sftp.on('error', () => undefined)
  return { sftp, ended }
}

/** Writes a piece now and then until told to stop: a transfer that is under way. */
export async function uploading(
  session: Session,
  path: string,
  { pieceBytes = 64 * 1024, pauseMs = 100 } = {},
): Promise<{ stop(): Promise<void> }> {
  const { sftp } = session
  const handle = await new Promise<Buffer>((resolve, reject) => {
    sftp.open(path, 'w', (error, opened) => (error ? reject(error) : resolve(opened)))
  })
  const stopping = new AbortController()
  const piece = Buffer.alloc(pieceBytes, 'x')
  const work = (async () => {
    for (let offset = 0; !stopping.signal.aborted; offset += piece.length) {
      const answered = await new Promise<boolean>((resolve) => {
        sftp.write(handle, piece, 0, piece.length, offset, (error) => resolve(!error))
        void session.ended.then(() => resolve(false))
      })
      if (!answered) return
      await delay(pauseMs)
    }
    await new Promise<void>((resolve) => {
      sftp.close(handle, () => resolve())
      // Nobody answers a CLOSE on a connection that is gone.
      void session.ended.then(resolve)
    })
  })()
  return {
    stop: () => {
      stopping.abort()
      return work
    },
  }
}
