import { reasonOf } from '../exec/failure.ts'
import type { CommandStream } from '../exec/stream.ts'
import { FsError, virtualPath } from '../filesystem.ts'
import type { FileSystem, OpenFile, VirtualPath } from '../filesystem.ts'
import type { Attrs } from '../sftp/attrs.ts'
import { S_IF } from '../sftp/constants.ts'
import type { ScpCommand } from './command-line.ts'
import { complaint, encodeStatus } from './messages.ts'
import { Sink } from './sink.ts'
import type { Incoming, SinkEffect, SinkOptions } from './sink.ts'
import { Upload } from './upload.ts'

const FOR_UPLOAD = { read: false, write: true, append: false, create: true, truncate: true, exclusive: false } as const
/** What an owner needs to put something into a directory, until everything is there. */
const OWNER_BITS = 0o700

/**
 * `scp -t`: takes what the client sends into a filesystem.
 * @returns the exit status; nothing is open any more. Never rejects.
 */
export async function receiveFiles(fs: FileSystem, command: ScpCommand, stream: CommandStream): Promise<number> {
  const [target] = command.paths
  let options: SinkOptions
  try {
    options = await sinkOptions(fs, target?.text ?? '', command)
  } catch (error) {
    const text = `scp: ${complaint(target?.text ?? '', reasonOf(error, 'finding the target', stream))}`
    await stream.write(encodeStatus({ kind: 'fatal', text }))
    return 1
  }
  const receiver = new Receiver(fs, stream, new Sink(options), command.preserve)
  return receiver.run()
}

async function sinkOptions(fs: FileSystem, text: string, command: ScpCommand): Promise<SinkOptions> {
  const target = virtualPath(text)
  const kind = await kindOf(fs, target)
  if (command.targetIsDirectory && kind === 'other') throw new FsError('not-found', 'Not a directory')
  // A slash at the end, or -d, says what may not be looked up.
  const meant = command.targetIsDirectory || text.endsWith('/') ? 'directory' : kind
  return { target, targetKind: kind === 'unknown' ? meant : kind, recursive: command.recursive }
}

async function kindOf(fs: FileSystem, path: VirtualPath): Promise<SinkOptions['targetKind']> {
  if (path === '/') return 'directory'
  try {
    return isDirectory(await fs.stat(path)) ? 'directory' : 'other'
  } catch (error) {
    if (error instanceof FsError && error.kind === 'permission') return 'unknown'
    if (error instanceof FsError && error.kind === 'not-found') return 'other'
    throw error
  }
}

/** Does what a {@link Sink} asks for. */
class Receiver {
  readonly #fs: FileSystem
  readonly #stream: CommandStream
  readonly #sink: Sink
  readonly #preserve: boolean
  #upload: { upload: Upload; entry: Incoming } | undefined
  /** Directories made here, whose modes await that nothing further comes into them. */
  readonly #made = new Set<VirtualPath>()

  constructor(fs: FileSystem, stream: CommandStream, sink: Sink, preserve: boolean) {
    this.#fs = fs
    this.#stream = stream
    this.#sink = sink
    this.#preserve = preserve
  }

  async run(): Promise<number> {
    for (;;) {
      const effect = this.#sink.next()
      if (effect === undefined) {
        const chunk = await this.#stream.read()
        if (chunk === undefined) this.#sink.ended()
        else this.#sink.receive(chunk)
      } else if (effect.do === 'end') {
        if (effect.error !== undefined) this.#stream.report('the client broke the SCP protocol', effect.error)
        // Who vanished between two files has not said that they were all.
        return this.#stream.lost ? 1 : effect.exitStatus
      } else {
        await this.#perform(effect)
      }
    }
  }

  #perform(effect: Exclude<SinkEffect, { do: 'end' }>): Promise<void> | void {
    switch (effect.do) {
      case 'reply':
        // The client sends a small file while it is opened.
        return this.#stream.answer(effect.bytes)
      case 'open':
        return this.#answering(effect.file, 'an upload', () => this.#open(effect.file))
      case 'append':
        return this.#upload?.upload.append(effect.data)
      case 'close':
        return this.#answering(this.#upload?.entry, 'an upload', () => this.#close())
      case 'abort':
        return this.#abort()
      case 'enter':
        return this.#answering(effect.directory, 'making a directory', () => this.#enter(effect.directory))
      default:
        return this.#answering(effect.directory, 'changing a directory', () => this.#leave(effect.directory))
    }
  }

  /** @param work resolves with whether the entry went inside the target. */
  async #answering(entry: Incoming | undefined, what: string, work: () => Promise<boolean>): Promise<void> {
    try {
      this.#sink.accept(await work())
    } catch (error) {
      this.#sink.refuse(complaint(entry?.path ?? '', reasonOf(error, what, this.#stream)))
    }
  }

  #open(entry: Incoming): Promise<boolean> {
    return hereOrInside(entry, async (path) => {
      const file = await this.#fs.open(path, FOR_UPLOAD, { permissions: entry.mode })
      this.#upload = { upload: new Upload(file), entry }
    })
  }

  async #close(): Promise<boolean> {
    const { upload, entry } = this.#upload as { upload: Upload; entry: Incoming }
    this.#upload = undefined
    await upload.close((file) => this.#fileAttrs(file, entry))
    return false
  }

  async #abort(): Promise<void> {
    const upload = this.#upload?.upload
    this.#upload = undefined
    await upload?.abort()
  }

  async #fileAttrs(file: OpenFile, { mode, times }: Incoming): Promise<Attrs> {
    // A new file has the mode already, as far as the umask lets it: -p means exactly.
    const exact = this.#preserve && modeOf(await file.stat()) !== mode
    return { ...(exact ? { permissions: mode } : {}), ...(times === undefined ? {} : { times }) }
  }

  #enter(entry: Incoming): Promise<boolean> {
    return hereOrInside(entry, async (path) => {
      const found = await this.#lookAt(path)
      if (found !== undefined && !isDirectory(found)) throw new FsError('not-found', 'Not a directory')
      if (found === undefined && (await this.#make(path, entry))) this.#made.add(path)
    })
  }

  /** @returns false when it was there, and could not be looked at. */
  async #make(path: VirtualPath, { mode, inside }: Incoming): Promise<boolean> {
    try {
      await this.#fs.mkdir(path, { permissions: mode | OWNER_BITS })
      return true
    } catch (error) {
      // What is there may be the target itself, with room inside.
      if (error instanceof FsError && error.kind === 'exists' && inside === undefined) return false
      throw error
    }
  }

  async #leave({ path, mode, times }: Incoming): Promise<boolean> {
    const made = this.#made.delete(path)
    const attrs: Attrs = times === undefined ? {} : { times }
    if (this.#preserve || (made && (mode & OWNER_BITS) !== OWNER_BITS)) {
      const found = await this.#lookAt(path)
      const current = found === undefined ? undefined : modeOf(found)
      // Without -p: what the umask left of the mode, and no more of the owner's bits than the client said.
      const wanted = this.#preserve ? mode : (current ?? mode) & (mode | ~OWNER_BITS)
      if (wanted !== current) attrs.permissions = wanted
    }
    if (Object.keys(attrs).length > 0) await this.#fs.setstat(path, attrs)
    return false
  }

  /** @returns undefined for what is not there, or may not be looked at. */
  async #lookAt(path: VirtualPath): Promise<Attrs | undefined> {
    try {
      return await this.#fs.stat(path)
    } catch (error) {
      if (error instanceof FsError && (error.kind === 'not-found' || error.kind === 'permission')) return undefined
      throw error
    }
  }
}

/**
 * Tries the place itself, and inside of it where it may be a directory: an account without the permission to
 * list finds out so.
 * @returns whether it went inside.
 */
async function hereOrInside({ path, inside }: Incoming, work: (path: VirtualPath) => Promise<void>): Promise<boolean> {
  try {
    await work(path)
    return false
  } catch (error) {
    const isTaken = error instanceof FsError && (error.kind === 'failure' || error.kind === 'exists')
    if (inside === undefined || !isTaken) throw error
    await work(inside)
    return true
  }
}

function isDirectory({ permissions = 0 }: Attrs): boolean {
  return (permissions & S_IF.MT) === S_IF.DIR
}

function modeOf({ permissions = 0 }: Attrs): number {
  return permissions & 0o777
}
