import type { ServerChannel } from 'ssh2'
import { hashFiles, parseHash } from '../../protocol/exec/hash.ts'
import type { HashCommandName } from '../../protocol/exec/hash.ts'
import type { CommandStream } from '../../protocol/exec/stream.ts'
import { BadCommand } from '../../protocol/exec/words.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import { parseScp } from '../../protocol/scp/command-line.ts'
import { receiveFiles } from '../../protocol/scp/receive.ts'
import { sendFiles } from '../../protocol/scp/send.ts'
import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { Outlet } from './outlet.ts'
import type { ReceiveWindow } from './receive-window.ts'
import { ReplyWriter } from './sftp-channel.ts'
import type { Outgoing } from './sftp-channel.ts'
import type { SshCommand, SshCommandName } from './ssh-commands.ts'

/** Bytes of the client that wait to be read above which the channel is not listened to. */
const MAX_UNREAD_BYTES = 512 * 1024
/** Bytes on their way to the client above which a command waits. */
const MAX_UNSENT_BYTES = 1024 * 1024

export interface ExecChannelOptions {
  channel: ServerChannel
  /** Under the channel, for its backpressure. */
  outlet: Outlet
  window: ReceiveWindow
  fs: FileSystem
  command: SshCommand
  username: string
  buffers: BufferPool
  hasher: Hasher
  active(): void
  /** What the client is not told. */
  report(message: string, error: unknown): void
  /** What it is told. */
  complained(line: string): void
}

/**
 * Runs one command on its channel, and always tells its exit status. Resolves with it when the command is
 * over and nothing is open any more. Never rejects.
 */
export async function serveExec(options: ExecChannelOptions): Promise<number> {
  const { channel, command, report } = options
  const stream = new ChannelStream(options)
  let exitStatus = 1
  try {
    exitStatus = await COMMANDS[command.name](stream, options)
  } catch (error) {
    if (error instanceof BadCommand) stream.complain(error.message)
    else report(`${command.name} failed`, error)
  }
  await stream.finish()
  channel.exit(exitStatus)
  channel.end()
  return exitStatus
}

/** Each resolves with its exit status. @throws BadCommand for arguments it does not take. */
type Run = (stream: CommandStream, options: ExecChannelOptions) => Promise<number>

const hash: Run = (stream, { fs, command, hasher }) => {
  const parsed = parseHash(command.name as HashCommandName, command.words)
  return hashFiles({ fs, command: parsed, stream, createHash: (algorithm) => hasher.start(algorithm) })
}

/** What can be enabled but has no row here does not compile. */
const COMMANDS: Readonly<Record<SshCommandName, Run>> = {
  md5sum: hash,
  sha1sum: hash,
  sha256sum: hash,
  sha384sum: hash,
  sha512sum: hash,
  scp: async (stream, { fs, command, username, buffers }) => {
    const parsed = parseScp(command.words)
    return parsed.direction === 'upload'
      ? receiveFiles(fs, parsed, stream)
      : sendFiles({ fs, command: parsed, stream, rootName: rootName(username), buffers })
  },
  // Nobody is anywhere but in the root.
  cd: async () => 0,
  pwd: async (stream) => {
    await stream.write(Buffer.from('/\n'))
    return 0
  },
}

/** The user's own directory has the user's name, where that can be one. */
function rootName(username: string): string {
  const name = Buffer.from(username).toString('latin1')
  return /^\.{0,2}$/.test(name) || /[^ -.0-~\x80-\xff]/.test(name) ? 'home' : name
}

/** A channel as a command sees it. */
class ChannelStream implements CommandStream {
  readonly gone: Promise<void>
  lost = false
  readonly #channel: ServerChannel
  readonly #replies: ReplyWriter
  readonly #options: ExecChannelOptions
  #chunks: Buffer[] = []
  #unreadBytes = 0
  #ended = false
  #reader: (() => void) | undefined
  #unsentBytes = 0
  #room: (() => void)[] = []

  constructor(options: ExecChannelOptions) {
    const { channel, outlet, window, active, report } = options
    this.#channel = channel
    this.#options = options
    this.#replies = new ReplyWriter(channel, outlet)
    channel.on('data', (chunk: Buffer) => {
      active()
      window.received(chunk.length)
      // What is sent after the command's end is not looked at.
      if (this.#ended) return
      this.#chunks.push(chunk)
      this.#unreadBytes += chunk.length
      if (this.#unreadBytes >= MAX_UNREAD_BYTES) {
        channel.pause()
        window.hold()
      }
      this.#wake()
    })
    channel.on('end', () => this.#end())
    channel.on('error', (error: Error) => report('channel error', error))
    // See serveSftp: the one sign of a lost client that does not wait for buffered data.
    channel.stderr.on('error', (error: Error) => report('channel error', error))
    this.gone = new Promise((resolve) => {
      const leave = (): void => {
        this.lost = true
        this.#replies.discard()
        this.#end()
        channel.resume()
        resolve()
      }
      if (channel.stderr.writableEnded) leave()
      else channel.stderr.once('finish', leave)
    })
  }

  async read(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#reader = resolve))
    }
    // What was sent before the end is read; what a lost client left behind may be half of anything.
    const chunk = this.#chunks.shift()
    if (chunk === undefined) return undefined
    this.#unreadBytes -= chunk.length
    if (this.#unreadBytes < MAX_UNREAD_BYTES / 2 && this.#channel.isPaused()) this.#channel.resume()
    return chunk
  }

  async write(bytes: Buffer, sent?: () => void): Promise<void> {
    this.#replies.push(this.#outgoing(bytes, sent))
    await this.#hasRoom()
  }

  async answer(bytes: Buffer): Promise<void> {
    this.#replies.pushAtOnce(this.#outgoing(bytes))
    await this.#hasRoom()
  }

  #outgoing(bytes: Buffer, sent?: () => void): Outgoing {
    this.#unsentBytes += bytes.length
    return {
      bytes,
      sent: () => {
        this.#unsentBytes -= bytes.length
        // A slow client is at work as long as it takes what it asked for.
        this.#options.active()
        sent?.()
        if (this.#unsentBytes < MAX_UNSENT_BYTES) for (const resolve of this.#room.splice(0)) resolve()
      },
    }
  }

  #hasRoom(): Promise<void> | void {
    if (this.#unsentBytes >= MAX_UNSENT_BYTES) return new Promise((resolve) => this.#room.push(resolve))
  }

  complain(line: string): void {
    this.#options.complained(Buffer.from(line, 'latin1').toString('utf8'))
    if (!this.lost) this.#channel.stderr.write(Buffer.from(`${line}\n`, 'latin1'))
  }

  report(message: string, error: unknown): void {
    this.#options.report(message, error)
  }

  /** Nothing further is read; resolves when everything written was passed on, or nobody is left to take it. */
  async finish(): Promise<void> {
    this.#end()
    this.#chunks = []
    this.#channel.resume()
    await this.#replies.flushed()
  }

  #end(): void {
    this.#ended = true
    this.#wake()
  }

  #wake(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.()
  }
}
