import { MAX_PATH_BYTES } from '../../protocol/filesystem.ts'
import { S_IF, SSH_FX, SSH_FXP } from '../../protocol/sftp/constants.ts'
import type { Response } from '../../protocol/sftp/packets.ts'
import type { SftpClient, Unnumbered } from '../../protocol/testing/client.ts'
import { DIRECTORY_REFUSED } from './differences.ts'
import type { HandleRef, Operation, Path, Sequence } from './sequence.ts'
import type { Side } from './sides.ts'

/** A handle no server gives out in a sequence. */
const NO_HANDLE = Buffer.from('7fffffff', 'hex')

const UNKNOWN_EXTENSION = Buffer.from('\0\0\0\x13nothing@example.com', 'latin1')

/** Plays a sequence to one server, at its pace. @returns the replies in the order of the operations. */
export async function play(sequence: Sequence, side: Side, directory: string): Promise<Response[]> {
  const client = await side.begin(sequence.pace)
  const player =
    side.name === 'openssh'
      ? new OpenSshPlayer(client, directory)
      : new Player(client, directory, sequence.pace === 'blind')
  let replies: Response[]
  try {
    replies = await Promise.race([player.play(sequence), side.died()])
  } finally {
    await side.end(player.open)
  }
  player.check()
  return replies
}

/** Sends operations as requests: knows the paths and the handles of one server. */
class Player {
  protected readonly client: SftpClient
  readonly #directory: string
  readonly #slots = new Map<number, Promise<Buffer | undefined>>()
  readonly #outstanding = new Set<Promise<unknown>>()
  /** Handles are foretold instead of awaited: the engine numbers what it opens. */
  readonly #blind: boolean
  #opens = 0
  #wrong: string | undefined

  constructor(client: SftpClient, directory: string, blind: boolean) {
    this.client = client
    this.#directory = directory
    this.#blind = blind
  }

  /** Handles that are to be closed. */
  get open(): Buffer[] {
    return []
  }

  async play({ pace, operations }: Sequence): Promise<Response[]> {
    const replies: Promise<Response>[] = []
    for (const operation of operations) {
      const reply =
        operation.kind === 'unknownExtension'
          ? this.client.raw(SSH_FXP.EXTENDED, UNKNOWN_EXTENSION)
          : this.#perform(operation, await this.#request(operation))
      // Awaited below; until then a rejection is not unhandled.
      reply.catch(() => undefined)
      replies.push(reply)
      this.#outstanding.add(reply)
      void reply.finally(() => this.#outstanding.delete(reply)).catch(() => undefined)
      if (pace === 'stepwise') await reply
    }
    return Promise.all(replies)
  }

  /** @throws when a handle was not the one foretold: the sequence was another one then. */
  check(): void {
    if (this.#wrong !== undefined) throw new Error(this.#wrong)
  }

  /** What a virtual path is to this server. */
  protected wirePath(virtual: string): string {
    return virtual
  }

  /** Takes note of a reply, or makes it another one. */
  protected replied(_operation: Operation, _request: Unnumbered, response: Response): Promise<Response> {
    return Promise.resolve(response)
  }

  /** What to send for a handle that this server gave out. */
  protected handleBytes(held: Buffer, _kind: Operation['kind']): Promise<Buffer> {
    return Promise.resolve(held)
  }

  protected async settled(): Promise<void> {
    await Promise.all(this.#outstanding)
  }

  #perform(operation: Operation, request: Unnumbered): Promise<Response> {
    const reply = this.client.request(request).then((response) => this.replied(operation, request, response))
    if (operation.kind === 'open' || operation.kind === 'opendir') this.#fill(operation, request, reply)
    return reply
  }

  #fill({ slot }: { slot: number }, request: Unnumbered, reply: Promise<Response>): void {
    const held = reply.then((response) => (response.kind === 'handle' ? response.handle : undefined))
    held.catch(() => undefined)
    if (!this.#blind) {
      this.#slots.set(slot, held)
      return
    }
    const opened = 'filename' in request ? request.filename : 'path' in request ? request.path : ''
    const foretold = Buffer.alloc(4)
    // A path that is none is refused before a number is taken.
    foretold.writeUInt32BE(opened.length > MAX_PATH_BYTES ? 0xffffffff : this.#opens++)
    this.#slots.set(slot, Promise.resolve(foretold))
    void this.#verify(held, foretold)
  }

  async #verify(held: Promise<Buffer | undefined>, foretold: Buffer): Promise<void> {
    const actual = await held.catch(() => undefined)
    if (actual === undefined || actual.equals(foretold)) return
    this.#wrong = `the engine gave out handle ${actual.toString('hex')}, foretold was ${foretold.toString('hex')}`
  }

  async #handle(ref: HandleRef, kind: Operation['kind']): Promise<Buffer> {
    if (typeof ref !== 'number') return Buffer.from(ref.bogus, 'latin1')
    const held = await this.#slots.get(ref)
    return held === undefined ? NO_HANDLE : this.handleBytes(held, kind)
  }

  #path(path: Path): string {
    if (path === '/') return this.wirePath('/')
    return this.wirePath(path.startsWith('/') ? `/${this.#directory}${path}` : `${this.#directory}/${path}`)
  }

  async #request(operation: Exclude<Operation, { kind: 'unknownExtension' }>): Promise<Unnumbered> {
    switch (operation.kind) {
      case 'open': {
        const { path, pflags, attrs } = operation
        return { kind: 'open', filename: this.#path(path), pflags, attrs }
      }
      case 'remove':
        return { kind: 'remove', filename: this.#path(operation.path) }
      case 'realpath':
        return { kind: 'realpath', path: operation.path === '' ? '' : this.#path(operation.path) }
      case 'expandPath': {
        const { path, tilde } = operation
        if (!tilde) return { kind: 'expandPath', path: this.#path(path) }
        return { kind: 'expandPath', path: path === '' ? '~' : `~/${this.#directory}/${path}` }
      }
      case 'opendir':
      case 'stat':
      case 'lstat':
      case 'rmdir':
      case 'readlink':
      case 'statvfs':
        return { kind: operation.kind, path: this.#path(operation.path) }
      case 'setstat':
      case 'lsetstat':
      case 'mkdir':
        return { kind: operation.kind, path: this.#path(operation.path), attrs: operation.attrs }
      case 'rename':
      case 'posixRename':
      case 'hardlink':
        return { kind: operation.kind, oldpath: this.#path(operation.oldpath), newpath: this.#path(operation.newpath) }
      case 'symlink':
        return { kind: 'symlink', targetpath: operation.target, linkpath: this.#path(operation.path) }
      case 'close':
      case 'fstat':
      case 'readdir':
      case 'fsync':
      case 'fstatvfs':
        return { kind: operation.kind, handle: await this.#handle(operation.handle, operation.kind) }
      case 'read':
        return {
          kind: 'read',
          handle: await this.#handle(operation.handle, operation.kind),
          offset: operation.offset,
          len: operation.len,
        }
      case 'write': {
        const { offset, length, byte } = operation
        return {
          kind: 'write',
          handle: await this.#handle(operation.handle, operation.kind),
          offset,
          data: [Buffer.alloc(length, byte)],
        }
      }
      case 'fsetstat':
        return {
          kind: 'fsetstat',
          handle: await this.#handle(operation.handle, operation.kind),
          attrs: operation.attrs,
        }
      default: {
        const { readOffset, length, writeOffset } = operation
        const readHandle = await this.#handle(operation.from, operation.kind)
        return {
          kind: 'copyData',
          readHandle,
          readOffset,
          length,
          writeHandle: await this.#handle(operation.to, operation.kind),
          writeOffset,
        }
      }
    }
  }
}

/** sftp-server sees the host's root: its paths are relative to the directory in which it was started. */
class OpenSshPlayer extends Player {
  /** What is open, by its bytes in hex. */
  readonly #live = new Map<string, Buffer>()
  /** Handles that a CLOSE was sent for. */
  readonly #closed = new Set<Buffer>()

  constructor(client: SftpClient, directory: string) {
    super(client, directory, false)
  }

  override get open(): Buffer[] {
    return [...this.#live.values()]
  }

  /** As with the engine, who may search a directory plays no part where `.` and `..` are behind its name. */
  protected override wirePath(virtual: string): string {
    if (virtual === '/') return '.'
    const relative = virtual.startsWith('/') ? virtual.slice(1) : virtual
    return relative.replace(/\/w\/\.\.(?=\/|$)/, '').replace(/\/\.$/, '')
  }

  protected override async handleBytes(held: Buffer, kind: Operation['kind']): Promise<Buffer> {
    if (this.#closed.has(held)) {
      await this.settled()
      // Its number may mean another file by now: see exclusions.ts.
      const current = this.#live.get(held.toString('hex'))
      if (current !== undefined && current !== held) return NO_HANDLE
    }
    if (kind === 'close') this.#closed.add(held)
    return held
  }

  protected override async replied(operation: Operation, request: Unnumbered, response: Response): Promise<Response> {
    if (request.kind === 'close' && response.kind === 'status' && response.code === SSH_FX.OK) {
      this.#live.delete(request.handle.toString('hex'))
    }
    if (response.kind !== 'handle') return response
    const { handle } = response
    this.#live.set(handle.toString('hex'), handle)
    if (operation.kind !== 'open') return response
    const opened = await this.client.request({ kind: 'fstat', handle })
    if (opened.kind !== 'attrs' || ((opened.attrs.permissions ?? 0) & S_IF.MT) !== S_IF.DIR) return response
    // The one difference that must be dealt with here: with a handle or without, all that follows would differ.
    await this.client.request({ kind: 'close', handle })
    this.#live.delete(handle.toString('hex'))
    return { ...DIRECTORY_REFUSED, id: response.id }
  }
}
