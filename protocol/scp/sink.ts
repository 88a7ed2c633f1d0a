import { FsError, virtualPath } from '../filesystem.ts'
import type { VirtualPath } from '../filesystem.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { Input } from './input.ts'
import { MAX_LINE_BYTES, complaint, decodeRecord, encodeStatus, holdsControl, statusKind } from './messages.ts'
import type { ScpRecord, Status, Times } from './messages.ts'

/**
 * The receiving side of SCP: bytes in, {@link SinkEffect}s out. The client announces a file or directory and
 * waits for our word; then come a file's bytes, exactly as many as announced, and the client's own word on
 * how reading them went.
 *
 *     record ──file──▶ opening ──accepted──▶ data ──filled──▶ trailer ──fine, warning──▶ closing ──▶ record
 *        │  ──directory──▶ entering ──▶ record        ──leave──▶ leaving ──▶ record
 *        └──leave at the top, fatal, the end──▶ done
 *
 * A pair that is absent is a protocol error, which ends the transfer.
 */
export const SINK_TRANSITIONS: Readonly<Record<SinkPhase, Partial<Record<SinkInput, SinkPhase>>>> = {
  record: {
    times: 'record',
    file: 'opening',
    directory: 'entering',
    // A name that cannot be stored: the client goes on with the next one.
    misnamed: 'record',
    leave: 'leaving',
    finish: 'done',
    warning: 'record',
    fatal: 'done',
    eof: 'done',
  },
  // A small file's bytes are on their way by then, and are passed over.
  opening: { accepted: 'data', refused: 'record', refusedLate: 'data' },
  data: { filled: 'trailer', eof: 'done' },
  trailer: { fine: 'closing', warning: 'closing', fatal: 'done', eof: 'done' },
  closing: { accepted: 'record', refused: 'record' },
  entering: { accepted: 'record', refused: 'record' },
  leaving: { accepted: 'record', refused: 'record' },
  done: {},
}

export type SinkPhase = 'record' | 'opening' | 'data' | 'trailer' | 'closing' | 'entering' | 'leaving' | 'done'
export type SinkInput =
  | ScpRecord['kind']
  | Status['kind']
  /** A name that no disk should hold, and `leave` where there is nothing left to leave. */
  | 'misnamed'
  | 'finish'
  | 'eof'
  | 'filled'
  | 'accepted'
  | 'refused'
  | 'refusedLate'

/** What was announced. */
export interface Incoming {
  /** POSIX's permission bits; setuid, setgid and sticky are never taken from a client. */
  mode: number
  times: Times | undefined
  /** Where it goes. */
  path: VirtualPath
  /** Where it goes if `path` turns out to be a directory; undefined when that is known. */
  inside: VirtualPath | undefined
}

/** What the driver must do, in order: the machine asks, it never acts. */
export type SinkEffect =
  | { do: 'reply'; bytes: Buffer }
  /** Then {@link Sink.accept} or {@link Sink.refuse}. */
  | { do: 'open'; file: Incoming & { size: number } }
  | { do: 'append'; data: Buffer[] }
  /** The file is whole: then accept, or refuse when it could not be kept. */
  | { do: 'close' }
  /** The file is not what its source holds; no answer. */
  | { do: 'abort' }
  /** Make it, or take the one that is there; then accept or refuse. */
  | { do: 'enter'; directory: Incoming }
  /** Nothing further comes into it; then accept or refuse. */
  | { do: 'leave'; directory: Incoming }
  /** @param error what broke the protocol, if anything did. */
  | { do: 'end'; exitStatus: number; error: string | undefined }

export interface SinkOptions {
  target: VirtualPath
  /** `unknown` where the account may not look. */
  targetKind: 'directory' | 'other' | 'unknown'
  /** `-r`. */
  recursive: boolean
}

/**
 * A file up to this is taken before it is open, so that opening it costs the client no time: it sends the bytes
 * meanwhile, and learns of a refusal behind them. Of a longer one it should not send any in vain.
 */
export const EAGER_BYTES = 64 * 1024

/** What a client may say of a mode. */
const MODE_BITS = 0o777

export class Sink {
  readonly #input = new Input()
  readonly #effects: SinkEffect[] = []
  readonly #options: SinkOptions
  /** Where files go: the target, then each directory that was entered and not left. */
  readonly #directories: Incoming[] = []
  #targetKind: SinkOptions['targetKind']
  #phase: SinkPhase = 'record'
  #times: Times | undefined
  /** Bytes of the file still to come. */
  #left = 0
  /** The file under way was acknowledged before it was open. */
  #eager = false
  /** Why the file under way is not kept, once its bytes are through. */
  #refusal: string | undefined
  /** What waits for the driver's answer. */
  #entry: Incoming | undefined
  /** Something went wrong that let the rest go on. */
  #flawed = false

  constructor(options: SinkOptions) {
    this.#options = options
    this.#targetKind = options.targetKind
    this.#reply({ kind: 'fine' })
  }

  get phase(): SinkPhase {
    return this.#phase
  }

  /** Takes bytes of the client; the chunk must not change afterwards. */
  receive(chunk: Buffer): void {
    this.#input.push(chunk)
  }

  /** The client ended its side, or is gone. */
  ended(): void {
    this.#input.end()
  }

  /** What to do now; undefined when more input, or the answer that was asked for, must come first. */
  next(): SinkEffect | undefined {
    while (this.#effects.length === 0 && this.#step());
    return this.#effects.shift()
  }

  /**
   * What was asked for is done.
   * @param inside the target turned out to be a directory, so `inside` was used.
   */
  accept(inside = false): void {
    if (inside) this.#targetKind = 'directory'
    if (this.#phase === 'entering') {
      const entry = this.#entry as Incoming
      this.#directories.push(inside ? { ...entry, path: entry.inside as VirtualPath, inside: undefined } : entry)
    }
    this.#entry = undefined
    const answered = this.#phase === 'opening' && this.#eager
    this.#move('accepted')
    if (!answered) this.#reply({ kind: 'fine' })
  }

  /** It cannot be done, for a reason the client may know: the rest goes on. */
  refuse(reason: string): void {
    this.#entry = undefined
    if (this.#phase === 'opening' && this.#eager) {
      this.#refusal = reason
      this.#move('refusedLate')
      return
    }
    this.#move('refused')
    this.#complain(reason)
  }

  /** @returns false when nothing can be done with what is here. */
  #step(): boolean {
    switch (this.#phase) {
      case 'record':
        return this.#readRecord()
      case 'data':
        return this.#readData()
      case 'trailer':
        return this.#readTrailer()
      default:
        return false
    }
  }

  #readRecord(): boolean {
    const first = this.#input.peek()
    if (first === undefined) return this.#input.exhausted && this.#eof()
    const line = this.#input.takeLine()
    if ((line?.length ?? this.#input.bytes) > MAX_LINE_BYTES) return this.#break('line too long')
    if (line === undefined) return this.#input.ended && this.#break('unfinished line')
    const status = statusKind(first)
    if (status === 'warning' || status === 'fatal') return this.#complained(status)
    try {
      return this.#announced(decodeRecord(line))
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      return this.#break(error.message)
    }
  }

  #announced(record: ScpRecord): boolean {
    switch (record.kind) {
      case 'times':
        this.#times = record.times
        this.#move('times')
        return this.#reply({ kind: 'fine' })
      case 'leave':
        return this.#leave()
      default:
        return this.#arriving(record)
    }
  }

  #arriving(record: Extract<ScpRecord, { name: string }>): boolean {
    const { kind, mode, name } = record
    // A name is one component: anything else would reach outside the directory it is for.
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      return this.#break(`unexpected name: ${name}`)
    if (kind === 'directory' && !this.#options.recursive) return this.#break('received directory without -r')
    const times = this.#times
    this.#times = undefined
    let place: { path: VirtualPath; inside: VirtualPath | undefined }
    try {
      if (holdsControl(name)) throw new FsError('invalid', 'a name cannot hold control characters')
      place = this.#placeOf(name)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      this.#move('misnamed')
      return this.#complain(complaint(name, error.message))
    }
    const entry: Incoming = { mode: mode & MODE_BITS, times, ...place }
    this.#entry = entry
    this.#move(kind)
    if (record.kind === 'file') {
      this.#left = record.size
      this.#eager = record.size <= EAGER_BYTES
      this.#refusal = undefined
      if (this.#eager) this.#reply({ kind: 'fine' })
      this.#effects.push({ do: 'open', file: { ...entry, size: record.size } })
    } else {
      this.#effects.push({ do: 'enter', directory: entry })
    }
    return true
  }

  #placeOf(name: string): { path: VirtualPath; inside: VirtualPath | undefined } {
    const parent = this.#directories.at(-1)
    if (parent !== undefined) return { path: virtualPath(`${parent.path}/${name}`), inside: undefined }
    const { target } = this.#options
    if (this.#targetKind === 'other') return { path: target, inside: undefined }
    const inside = virtualPath(`${target}/${name}`)
    return this.#targetKind === 'directory' ? { path: inside, inside: undefined } : { path: target, inside }
  }

  #leave(): boolean {
    const directory = this.#directories.pop()
    if (directory === undefined) {
      this.#move('finish')
      this.#reply({ kind: 'fine' })
      return this.#end()
    }
    this.#times = undefined
    this.#entry = directory
    this.#move('leave')
    this.#effects.push({ do: 'leave', directory })
    return true
  }

  #readData(): boolean {
    const data = this.#input.take(this.#left)
    if (data.length > 0) {
      for (const { length } of data) this.#left -= length
      if (this.#refusal === undefined) this.#effects.push({ do: 'append', data })
    }
    if (this.#left === 0) {
      this.#move('filled')
      return true
    }
    if (this.#input.exhausted) return this.#eof()
    return data.length > 0
  }

  #readTrailer(): boolean {
    const first = this.#input.peek()
    if (first === undefined) return this.#input.exhausted && this.#eof()
    const status = statusKind(first)
    if (status === undefined) return this.#break('expected the end of the file')
    if (status === 'fine') {
      this.#input.take(1)
      this.#move('fine')
      if (this.#refusal === undefined) this.#effects.push({ do: 'close' })
      else this.refuse(this.#refusal)
      return true
    }
    const line = this.#input.takeLine()
    if (line === undefined) {
      if (this.#input.bytes > MAX_LINE_BYTES) return this.#break('line too long')
      return this.#input.ended && this.#eof()
    }
    this.#flawed = true
    this.#abort()
    if (status === 'fatal') {
      this.#move('fatal')
      return this.#end()
    }
    // The client knows that its file is not whole: there is nothing to tell it.
    this.#move('warning')
    this.#move('accepted')
    return this.#reply({ kind: 'fine' })
  }

  /** In place of a record. */
  #complained(status: 'warning' | 'fatal'): boolean {
    this.#flawed = true
    this.#move(status)
    return status === 'fatal' ? this.#end() : true
  }

  #eof(): boolean {
    // Between two records of the top it is how a client ends; anywhere else it is one that vanished.
    if (this.#phase !== 'record' || this.#directories.length > 0) this.#flawed = true
    if (this.#phase === 'data' || this.#phase === 'trailer') this.#abort()
    this.#move('eof')
    return this.#end()
  }

  #break(what: string): boolean {
    const error = `protocol error: ${what}`
    if (this.#phase === 'data' || this.#phase === 'trailer') this.#abort()
    this.#phase = 'done'
    this.#reply({ kind: 'fatal', text: `scp: ${error}` })
    this.#effects.push({ do: 'end', exitStatus: 1, error })
    return true
  }

  #abort(): void {
    if (this.#refusal === undefined) this.#effects.push({ do: 'abort' })
  }

  #end(): boolean {
    this.#effects.push({ do: 'end', exitStatus: this.#flawed ? 1 : 0, error: undefined })
    return true
  }

  #complain(text: string): boolean {
    this.#flawed = true
    return this.#reply({ kind: 'warning', text: `scp: ${text}` })
  }

  #reply(status: Status): boolean {
    this.#effects.push({ do: 'reply', bytes: encodeStatus(status) })
    return true
  }

  #move(input: SinkInput): void {
    const next = SINK_TRANSITIONS[this.#phase][input]
    if (next === undefined) throw new Error(`${input} cannot come in phase ${this.#phase}`)
    this.#phase = next
  }
}
