import { Input } from './input.ts'
import { MAX_LINE_BYTES, encodeRecord, encodeStatus, statusKind } from './messages.ts'
import type { Status, Times } from './messages.ts'

/**
 * The sending side of SCP: the client's answers in, {@link SourceEffect}s out. Everything that is announced
 * awaits the client's word; a warning skips that one thing, a fatal error ends the transfer.
 *
 *     start ─▶ choosing ──file──▶ file ──fine──▶ contents ──sent──▶ choosing
 *                 │ ──directory──▶ directory ─▶ choosing      ──leave──▶ leaving ─▶ choosing
 *                 └──last──▶ trailer ─▶ done     `times` goes in front of a file or directory
 *
 * The client's word on a file's end is not waited for: whatever it is, the next thing follows. It comes before
 * the answer to that, and only after the last file there is nothing else to wait for.
 *
 * A pair that is absent is a protocol error, which ends the transfer.
 */
export const SOURCE_TRANSITIONS: Readonly<Record<SourcePhase, Partial<Record<SourceInput, SourcePhase>>>> = {
  start: { fine: 'choosing', warning: 'choosing', fatal: 'done', eof: 'done' },
  choosing: {
    file: 'file',
    timedFile: 'fileTimes',
    directory: 'directory',
    timedDirectory: 'directoryTimes',
    leave: 'leaving',
    problem: 'choosing',
    last: 'done',
    lastButTrailer: 'trailer',
    gone: 'done',
  },
  fileTimes: { fine: 'file', warning: 'choosing', fatal: 'done', eof: 'done' },
  file: { fine: 'contents', warning: 'choosing', fatal: 'done', eof: 'done' },
  contents: { sent: 'choosing' },
  trailer: { fine: 'done', warning: 'done', fatal: 'done', eof: 'done' },
  directoryTimes: { fine: 'directory', warning: 'choosing', fatal: 'done', eof: 'done' },
  directory: { fine: 'choosing', warning: 'choosing', fatal: 'done', eof: 'done' },
  leaving: { fine: 'choosing', warning: 'choosing', fatal: 'done', eof: 'done' },
  done: {},
}

export type SourcePhase =
  | 'start'
  | 'choosing'
  | 'fileTimes'
  | 'file'
  | 'contents'
  | 'trailer'
  | 'directoryTimes'
  | 'directory'
  | 'leaving'
  | 'done'
export type SourceInput =
  Status['kind'] | Item['kind'] | 'timedFile' | 'timedDirectory' | 'lastButTrailer' | 'sent' | 'eof'

/** What comes next, as the driver finds it. */
export type Item =
  | { kind: 'file'; name: string; mode: number; size: number; times: Times | undefined }
  | { kind: 'directory'; name: string; mode: number; times: Times | undefined }
  | { kind: 'leave' }
  /** Something that cannot be sent; the client is told, the rest goes on. */
  | { kind: 'problem'; text: string }
  | { kind: 'last' }
  /** There is more, and nobody to send it to. */
  | { kind: 'gone' }

/** What the driver must do, in order. */
export type SourceEffect =
  | { do: 'send'; bytes: Buffer }
  /** Then {@link Source.item}. */
  | { do: 'choose' }
  /** Exactly so many bytes of the file under way, whatever becomes of it; then {@link Source.contents}. */
  | { do: 'contents'; size: number }
  /** The file whose contents left last, and the client has it. */
  | { do: 'close' }
  /** The same, and the client has not. */
  | { do: 'fail' }
  /** The client does not want the file or directory under way: out of it, no answer. */
  | { do: 'drop' }
  /** @param error what broke the protocol, if anything did. */
  | { do: 'end'; exitStatus: number; error: string | undefined }

/** What was announced to the client: leaving without its consent drops it. */
const ANNOUNCED: ReadonlySet<SourcePhase> = new Set(['fileTimes', 'file', 'directoryTimes', 'directory'])

export class Source {
  readonly #input = new Input()
  readonly #effects: SourceEffect[] = []
  #phase: SourcePhase = 'start'
  /** What was announced, or will be once its times are taken. */
  #item: Extract<Item, { name: string }> | undefined
  /** The file whose contents left, until the client says what became of it. */
  #trailing: { damaged: boolean } | undefined
  #flawed = false

  get phase(): SourcePhase {
    return this.#phase
  }

  receive(chunk: Buffer): void {
    this.#input.push(chunk)
  }

  /** The client ended its side, or is gone. */
  ended(): void {
    this.#input.end()
  }

  /** What to do now; undefined when more input, or the answer that was asked for, must come first. */
  next(): SourceEffect | undefined {
    while (this.#effects.length === 0 && this.#step());
    return this.#effects.shift()
  }

  /** The answer to `choose`. */
  item(item: Item): void {
    switch (item.kind) {
      case 'file':
      case 'directory': {
        this.#item = item
        if (item.times === undefined) {
          this.#move(item.kind)
          this.#announce()
        } else {
          this.#move(item.kind === 'file' ? 'timedFile' : 'timedDirectory')
          this.#send(encodeRecord({ kind: 'times', times: item.times }))
        }
        break
      }
      case 'leave':
        this.#move('leave')
        this.#send(encodeRecord({ kind: 'leave' }))
        break
      case 'problem':
        this.#move('problem')
        this.#flawed = true
        this.#send(encodeStatus({ kind: 'warning', text: `scp: ${item.text}` }))
        this.#effects.push({ do: 'choose' })
        break
      case 'last':
        this.#move(this.#trailing === undefined ? 'last' : 'lastButTrailer')
        if (this.#trailing === undefined) this.#end()
        break
      default:
        this.#move('gone')
        this.#flawed = true
        this.#failTrailing()
        this.#end()
    }
  }

  /**
   * The answer to `contents`, once all bytes left.
   * @param trouble why not all of them are the file's.
   */
  contents(trouble?: string): void {
    this.#trailing = { damaged: trouble !== undefined }
    this.#move('sent')
    if (trouble !== undefined) this.#flawed = true
    this.#send(encodeStatus(trouble === undefined ? { kind: 'fine' } : { kind: 'warning', text: `scp: ${trouble}` }))
    this.#effects.push({ do: 'choose' })
  }

  /** @returns false when nothing can be done with what is here. */
  #step(): boolean {
    if (this.#phase === 'choosing' || this.#phase === 'contents' || this.#phase === 'done') return false
    const first = this.#input.peek()
    if (first === undefined) return this.#input.exhausted && this.#leaveEarly('eof')
    const kind = statusKind(first)
    if (kind === undefined) return this.#break('expected an answer')
    if (kind === 'fine') {
      this.#input.take(1)
      return this.#answered('fine')
    }
    const line = this.#input.takeLine()
    if ((line?.length ?? this.#input.bytes) > MAX_LINE_BYTES) return this.#break('line too long')
    if (line === undefined) return this.#input.ended && this.#leaveEarly('eof')
    return kind === 'fatal' ? this.#leaveEarly('fatal') : this.#answered('warning')
  }

  #answered(answer: 'fine' | 'warning'): boolean {
    if (answer === 'warning') this.#flawed = true
    if (this.#trailing !== undefined) return this.#trailerAnswered(answer, this.#trailing.damaged)
    if (answer === 'warning' && ANNOUNCED.has(this.#phase)) this.#effects.push({ do: 'drop' })
    this.#move(answer)
    if (this.#phase === 'choosing') this.#effects.push({ do: 'choose' })
    else if (this.#phase === 'contents') {
      this.#effects.push({ do: 'contents', size: this.#item?.kind === 'file' ? this.#item.size : 0 })
    } else this.#announce()
    return true
  }

  #trailerAnswered(answer: 'fine' | 'warning', damaged: boolean): boolean {
    this.#trailing = undefined
    this.#effects.push({ do: answer === 'fine' && !damaged ? 'close' : 'fail' })
    if (this.#phase !== 'trailer') return true
    this.#move(answer)
    return this.#end()
  }

  #failTrailing(): void {
    if (this.#trailing !== undefined) this.#effects.push({ do: 'fail' })
    this.#trailing = undefined
  }

  #announce(): void {
    if (this.#item !== undefined) this.#send(encodeRecord(this.#item))
  }

  /** The client has enough, or is gone. */
  #leaveEarly(why: 'fatal' | 'eof'): boolean {
    this.#flawed = true
    this.#failTrailing()
    if (ANNOUNCED.has(this.#phase)) this.#effects.push({ do: 'drop' })
    this.#move(why)
    return this.#end()
  }

  #break(what: string): boolean {
    const error = `protocol error: ${what}`
    this.#failTrailing()
    if (ANNOUNCED.has(this.#phase)) this.#effects.push({ do: 'drop' })
    this.#phase = 'done'
    this.#send(encodeStatus({ kind: 'fatal', text: `scp: ${error}` }))
    this.#effects.push({ do: 'end', exitStatus: 1, error })
    return true
  }

  #end(): boolean {
    this.#effects.push({ do: 'end', exitStatus: this.#flawed ? 1 : 0, error: undefined })
    return true
  }

  #send(bytes: Buffer): void {
    this.#effects.push({ do: 'send', bytes })
  }

  #move(input: SourceInput): void {
    const next = SOURCE_TRANSITIONS[this.#phase][input]
    if (next === undefined) throw new Error(`${input} cannot come in phase ${this.#phase}`)
    this.#phase = next
  }
}
