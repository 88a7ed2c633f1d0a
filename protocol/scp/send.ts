import { expand } from '../exec/expand.ts'
import { reasonOf } from '../exec/failure.ts'
import type { CommandStream } from '../exec/stream.ts'
import type { FileSystem, OpenFile } from '../filesystem.ts'
import type { BufferPool } from '../sftp/buffer-pool.ts'
import type { ScpCommand } from './command-line.ts'
import { complaint } from './messages.ts'
import { Source } from './source.ts'
import type { Item, SourceEffect } from './source.ts'
import { Walk } from './walk.ts'
import type { Found } from './walk.ts'

/** What a mode tells the client: setuid, setgid and sticky stay here. */
const MODE_BITS = 0o777
/** Reads are whole numbers of it: an SSH channel packet's worth, as cutting leaves no small rest then. */
const PACKET_BYTES = 32 * 1024
/** Sent in place of what a file has lost since it was announced. */
const ZEROS = Buffer.alloc(64 * 1024)

export interface SendOptions {
  fs: FileSystem
  command: ScpCommand
  stream: CommandStream
  /** What the client is to call the account's root, which has no name of its own. */
  rootName: string
  buffers: BufferPool
}

/**
 * `scp -f`: sends files and trees to the client.
 * @returns the exit status; nothing is open any more. Never rejects.
 */
export async function sendFiles(options: SendOptions): Promise<number> {
  const sender = new Sender(options)
  try {
    return await sender.run()
  } finally {
    await sender.close()
  }
}

/** Does what a {@link Source} asks for. */
class Sender {
  readonly #options: SendOptions
  readonly #stream: CommandStream
  readonly #source = new Source()
  #walk: Walk | undefined
  #file: { file: OpenFile; path: string } | undefined
  /** The one before it, while the client may still say that it could not be kept. */
  #trailing: { file: OpenFile; path: string } | undefined

  constructor(options: SendOptions) {
    this.#options = options
    this.#stream = options.stream
  }

  async run(): Promise<number> {
    for (;;) {
      const effect = this.#source.next()
      if (effect === undefined) {
        const chunk = await this.#stream.read()
        if (chunk === undefined) this.#source.ended()
        else this.#source.receive(chunk)
      } else if (effect.do === 'end') {
        if (effect.error !== undefined) this.#stream.report('the client broke the SCP protocol', effect.error)
        return effect.exitStatus
      } else {
        await this.#perform(effect)
      }
    }
  }

  async close(): Promise<void> {
    await this.#file?.file.abort()
    await this.#trailing?.file.abort()
    await this.#walk?.close()
  }

  #perform(effect: Exclude<SourceEffect, { do: 'end' }>): Promise<void> {
    switch (effect.do) {
      case 'send':
        return this.#stream.write(effect.bytes)
      case 'choose':
        return this.#choose()
      case 'contents':
        return this.#sendContents(effect.size)
      case 'close':
        return this.#finish()
      case 'fail':
        return this.#fail()
      default:
        return this.#drop()
    }
  }

  async #choose(): Promise<void> {
    // A client that is gone wants nothing further, and may not have said so.
    if (this.#stream.lost) return this.#source.item({ kind: 'gone' })
    try {
      this.#walk ??= await this.#startWalk()
    } catch (error) {
      this.#walk = new Walk(this.#options.fs, [], false, '')
      return this.#source.item({ kind: 'problem', text: reasonOf(error, 'finding what to send', this.#stream) })
    }
    this.#source.item(this.#itemOf(await this.#walk.next()))
  }

  async #startWalk(): Promise<Walk> {
    const { fs, command, rootName } = this.#options
    const roots: string[] = []
    for (const word of command.paths) roots.push(...(await expand(fs, word)))
    return new Walk(fs, roots, command.recursive, rootName)
  }

  #itemOf(found: Found): Item {
    switch (found.kind) {
      case 'leave':
      case 'last':
        return { kind: found.kind }
      case 'failure':
        return { kind: 'problem', text: complaint(found.path, reasonOf(found.error, 'a download', this.#stream)) }
      default: {
        const { name, attrs } = found
        const common = {
          name,
          mode: (attrs.permissions ?? 0) & MODE_BITS,
          times: this.#options.command.preserve ? attrs.times : undefined,
        }
        if (found.kind === 'directory') return { kind: 'directory', ...common }
        this.#file = found
        return { kind: 'file', ...common, size: Number(attrs.size ?? 0n) }
      }
    }
  }

  /** The announced size exactly, whatever became of the file since: the client counts the bytes. */
  async #sendContents(size: number): Promise<void> {
    const { file, path } = this.#file as { file: OpenFile; path: string }
    const { buffers } = this.#options
    let left = size
    let trouble: string | undefined
    try {
      while (left > 0 && !this.#stream.lost) {
        const buffer = buffers.take()
        const capacity = buffer.length - (buffer.length % PACKET_BYTES)
        const count = await file.read([buffer.subarray(0, Math.min(capacity, left))], size - left)
        if (count === 0) {
          buffers.give(buffer)
          trouble = complaint(path, 'the file became shorter while it was sent')
          break
        }
        left -= count
        await this.#stream.write(buffer.subarray(0, count), () => buffers.give(buffer))
      }
    } catch (error) {
      trouble = complaint(path, reasonOf(error, 'a download', this.#stream))
    }
    for (; left > 0 && !this.#stream.lost; left -= Math.min(left, ZEROS.length)) {
      await this.#stream.write(ZEROS.subarray(0, Math.min(left, ZEROS.length)))
    }
    this.#trailing = this.#file
    this.#file = undefined
    this.#source.contents(left > 0 ? complaint(path, 'the client is gone') : trouble)
  }

  async #finish(): Promise<void> {
    const { file, path } = this.#trailing as { file: OpenFile; path: string }
    this.#trailing = undefined
    try {
      await file.close()
    } catch (error) {
      // The client has every byte; what closing meets is between the disk and us.
      this.#stream.report(`closing ${path} failed`, error)
    }
  }

  async #fail(): Promise<void> {
    const failed = this.#trailing
    this.#trailing = undefined
    await failed?.file.abort()
  }

  async #drop(): Promise<void> {
    const dropped = this.#file
    this.#file = undefined
    if (dropped === undefined) await this.#walk?.skip()
    else await dropped.file.abort()
  }
}
