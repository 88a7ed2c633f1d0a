import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

import { LocalFileSystem } from '../../lib/vfs/local-filesystem.ts'
import { nodeStorage } from '../../lib/vfs/storage.ts'
import { FsError } from '../../protocol/filesystem.ts'
import { SftpClient } from '../../protocol/testing/client.ts'
import { MemorySession } from '../../protocol/testing/session.ts'
import type { Pace } from './sequence.ts'
import { UnevenStorage } from './uneven-storage.ts'

/** One of the two servers, with a directory of its own. */
export interface Side {
  readonly name: 'openssh' | 'engine'
  /** Host path of the directory that is its root. */
  readonly root: string
  /** A client for one sequence. */
  begin(pace: Pace): Promise<SftpClient>
  /** Rejects when the server ends without being asked to. Only between `begin` and `end`. */
  died(): Promise<never>
  /** After a sequence: what it left open is closed. @param handles those that the client knows to be open */
  end(handles: readonly Buffer[]): Promise<void>
  /** Forgets everything; the next sequence meets a new server. */
  restart(): Promise<void>
}

interface Running {
  child: ChildProcess
  client: SftpClient
  exited: Promise<void>
  died: Promise<never>
}

/** Where distributions put it. */
const SFTP_SERVERS = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/sftp-server',
]

/** @throws naming the package that has it. */
export function sftpServerPath(): string {
  const found = SFTP_SERVERS.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error('sftp-server is not installed: apt-get install openssh-sftp-server')
  return found
}

/** 32 MiB in units of 512 bytes: a server that does not stop writing ends instead of filling the memory. */
const MAX_FILE_BLOCKS = 65_536

/** OpenSSH's sftp-server on its standard streams, started in `root`. Closing handles is cheaper than a new one. */
export class OpenSshSide implements Side {
  readonly name = 'openssh'
  readonly root: string
  readonly #program = sftpServerPath()
  #running: Running | undefined

  constructor(root: string) {
    this.root = root
  }

  async begin(): Promise<SftpClient> {
    this.#running ??= await this.#start()
    return this.#running.client
  }

  died(): Promise<never> {
    return this.#running?.died ?? new Promise(() => undefined)
  }

  async end(handles: readonly Buffer[]): Promise<void> {
    const client = await this.begin()
    await Promise.all(handles.map((handle) => client.request({ kind: 'close', handle })))
  }

  async restart(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.child.kill('SIGKILL')
    await running?.exited
  }

  async #start(): Promise<Running> {
    const script = `ulimit -f ${MAX_FILE_BLOCKS} && exec "$0" -l QUIET`
    const child = spawn('/bin/sh', ['-c', script, this.#program], { cwd: this.root, stdio: ['pipe', 'pipe', 'ignore'] })
    const client = new SftpClient((packet) => void child.stdin.write(packet))
    // One that ended answers nothing more: the sequence's time limit tells.
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => client.receive(chunk))
    const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const died = exited.then(() => Promise.reject(new Error('sftp-server ended')))
    died.catch(() => undefined)
    await Promise.race([client.init(), died])
    return { child, client, exited, died }
  }
}

/** The engine over a real directory, in this process: a new session each sequence, the filesystem kept. */
export class EngineSide implements Side {
  readonly name = 'engine'
  readonly root: string
  readonly #uneven = new UnevenStorage(nodeStorage)
  #fs: LocalFileSystem | undefined
  #session: MemorySession | undefined

  constructor(root: string) {
    this.root = root
  }

  async begin(pace: Pace): Promise<SftpClient> {
    this.#uneven.restart(pace === 'stepwise')
    this.#fs ??= await LocalFileSystem.open({
      storage: this.#uneven.storage,
      home: this.root,
      authorizeOverwrite: () => undefined,
    })
    this.#session = await MemorySession.start({ fs: this.#fs, now: () => Date.now() })
    return this.#session.client
  }

  died(): Promise<never> {
    return new Promise(() => undefined)
  }

  async end(): Promise<void> {
    const { server, reports = [] } = this.#session ?? {}
    await server?.end()
    // What a handler did not expect is a bug even where the reply happens to be right.
    const report = reports.find(({ error }) => !(error instanceof FsError))
    if (report !== undefined)
      throw new Error(`${report.request.kind}: ${String(report.error)}`, { cause: report.error })
  }

  async restart(): Promise<void> {
    this.#session = undefined
    this.#fs?.close()
    this.#fs = undefined
  }
}
