import { generateKey } from '../conformance/harness/keys.ts'
import { OpenSshClient } from '../conformance/harness/openssh-client.ts'
import { startOpenSshServer } from '../conformance/harness/openssh-server.ts'
import { processTree } from '../conformance/harness/proc.ts'
import { findProgram } from '../conformance/harness/programs.ts'
import { startRcloneServer } from '../conformance/harness/rclone-server.ts'
import type { Scope } from '../conformance/harness/scope.ts'
import { startSftpgo } from '../conformance/harness/sftpgo-server.ts'
import { tempDir } from '../conformance/harness/temp.ts'
import type { ServerName } from './options.ts'

/** A running server with an account, and a client that is logged in to it by key. */
export interface Contender {
  name: string
  pid: number
  /** How many processes it has when nobody is connected. */
  idleProcesses: number
  client: OpenSshClient
  output(): string
}

export interface Setting {
  home: string
  local: string
  cipher: string
  protocol: 'sftp' | 'scp'
}

export const USERNAME = 'bench'

/** @returns undefined when it is not installed, which only an extra comparison may be. */
export async function startContender(scope: Scope, name: ServerName, setting: Setting): Promise<Contender | undefined> {
  if (name === 'rclone' && findProgram('rclone') === undefined) return undefined
  const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
  const account = {
    username: USERNAME,
    home: setting.home,
    publicKeys: [key.publicKey],
    commands: setting.protocol === 'scp',
  }
  const start = {
    sftpgo: async () => {
      const server = await startSftpgo(scope)
      return { server, username: await server.addAccount(account) }
    },
    openssh: async () => {
      const server = await startOpenSshServer(scope)
      return { server, username: await server.addAccount(account) }
    },
    rclone: async () => {
      const server = await startRcloneServer(scope, { ...account, publicKey: key.publicKey })
      return { server, username: USERNAME }
    },
  }
  const { server, username } = await start[name]()
  return {
    name,
    pid: server.pid,
    idleProcesses: processTree(server.pid).length,
    client: new OpenSshClient(
      scope,
      server,
      { username, privateKeyFiles: [key.privateKeyFile] },
      { cwd: setting.local, options: [`Ciphers=${setting.cipher}`], timeoutMs: 600_000 },
    ),
    output: () => server.output(),
  }
}
