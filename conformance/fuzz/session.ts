import { setImmediate as turn } from 'node:timers/promises'
import type { SftpLimits } from '../../protocol/sftp/limits.ts'
import { SftpServer } from '../../protocol/sftp/server.ts'
import type { SftpDriver, SftpServerOptions } from '../../protocol/sftp/server.ts'
import type { Call } from '../../protocol/testing/hooks.ts'
import type { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import { Expectations } from './expectations.ts'
import { Violation, cut } from './input.ts'
import type { Input, Plan } from './input.ts'
import { LIMITS } from './limits.ts'
import type { Pools } from './limits.ts'
import { Random } from './random.ts'
import { InjectedFault, injectFault, sampleFileSystem } from './sample.ts'

/** What is judged; a test puts something broken in its place. */
export type Engine = Pick<SftpServer, 'receive' | 'end' | 'abandon' | 'openHandles'>
export type CreateEngine = (options: SftpServerOptions) => Engine

export const createServer: CreateEngine = (options) => new SftpServer(options)

export interface SessionContext {
  createEngine: CreateEngine
  pools: Pools
  /** Is told each request with the reply that it got. */
  seen(combination: string): void
}

const SCHEDULE = 4
/** The largest packet that clients take. */
const MAX_REPLY_BYTES = 256 * 1024
/** Of one request: the hashes of check-file, 128 KiB of 16 bytes each. */
const MAX_CALLS = 10_000
/** ATTRS without attributes. */
const MIN_REPLY_BYTES = 13

/** One session of a client that sends the input, from its first byte until nothing is left. @throws Violation */
export function checkSession(input: Input, context: SessionContext): Promise<void> {
  return new SessionRun(input, context).run()
}

/** Client, channel and disk of the session, all ruled by the input's seed. */
class SessionRun implements SftpDriver {
  readonly #plan: Plan
  readonly #limits: Readonly<SftpLimits>
  readonly #random: Random
  readonly #chunks: readonly Buffer[]
  readonly #expected: Expectations
  readonly #fs: MemoryFileSystem
  readonly #engine: Engine
  /** Calls of the filesystem that stand still. */
  readonly #held: (() => void)[] = []
  readonly #unsent: { bytes: Buffer; copy: Buffer; counted: boolean; sent: () => void }[] = []
  /** Chunks after which the client leaves. */
  readonly #leaveAfter: number
  #next = 0
  #position = 0
  #ready = true
  /** Of replies to requests that may be gathered nothing is counted. */
  #unsentBytes = 0
  #largestReply = 0
  /** Requests that one chunk completed, at most. */
  #largestChunk = 0
  #failures = 0
  #feeding = false
  #state: 'open' | 'ending' | 'abandoned' = 'open'
  #over = false
  #violation: Violation | undefined

  constructor(input: Input, { createEngine, pools, seen }: SessionContext) {
    const { plan, seed, segments } = input
    this.#plan = plan
    this.#limits = LIMITS[plan.limits]
    this.#random = new Random(seed, SCHEDULE)
    const stream = Buffer.concat(segments)
    this.#chunks = cut(input, stream, this.#random)
    this.#leaveAfter =
      plan.ending === 'early-end' || plan.ending === 'abandon'
        ? this.#random.below(this.#chunks.length + 1)
        : this.#chunks.length
    this.#expected = new Expectations(stream, this.#limits, seen)
    this.#fs = sampleFileSystem(plan)
    if (plan.delayed) {
      this.#fs.hooks.before = (call) => this.#hold(call)
      this.#fs.hooks.after = () => this.#hold(undefined)
    } else if (plan.faults) {
      this.#fs.hooks.before = (call) => injectFault(call, this.#random)
    }
    const limits = this.#limits
    this.#engine = createEngine({ fs: this.#fs, driver: this, username: 'user', limits, buffers: pools[plan.limits] })
  }

  async run(): Promise<void> {
    let turns = 0
    while (!this.#over && this.#violation === undefined) {
      const acted = this.#plan.delayed ? this.#actSometimes() : this.#actAtOnce()
      await turn()
      this.#checkBounds()
      this.#checkPace(++turns)
      if (!acted && !this.#over && !this.#canAct()) this.#explainHang()
    }
    if (this.#violation === undefined) {
      await turn()
      this.#checkEnd()
    }
    if (this.#violation !== undefined) throw this.#violation
  }

  send(bytes: Buffer, sent: () => void): void {
    if (this.#over) this.#violate('late-reply', 'a reply after the end')
    if (this.#state === 'abandoned') this.#violate('late-reply', 'a reply after abandon()')
    if (this.#failures > 0) this.#violate('late-reply', 'a reply after fail()')
    const kind = this.#answer(bytes)
    // READs and WRITEs that continue each other are one request under way.
    const counted = kind !== 'read' && kind !== 'write'
    if (counted) this.#countUnsent(bytes.length)
    this.#unsent.push({ bytes, copy: Buffer.from(bytes), counted, sent })
  }

  resume(): void {
    if (this.#ready) this.#violate('resume', 'resume() without a stop')
    this.#ready = true
    if (this.#plan.eager) this.#feed()
  }

  fail(): void {
    if (++this.#failures > 1) this.#violate('fail-twice', 'fail() was called again')
    const { refusedAt } = this.#expected
    if (refusedAt === undefined || refusedAt > this.#position)
      this.#violate('fail', 'fail() without a fault in the stream')
    if (this.#state === 'abandoned') this.#violate('fail', 'fail() after abandon()')
    this.#leave()
  }

  report(error: unknown): void {
    if (!(error instanceof InjectedFault)) this.#violate('exception', String(error), error)
  }

  active(): void {
    if (this.#over) this.#violate('late-reply', 'active() after the end')
  }

  now(): number {
    return 0
  }

  /** Everything that can be done now. */
  #actAtOnce(): boolean {
    const before = this.#next
    while (this.#feed());
    const delivered = this.#deliver(this.#unsent.length)
    return delivered || this.#next > before
  }

  /** Some of what can be done now, in any order. */
  #actSometimes(): boolean {
    let acted = false
    for (let count = 1 + this.#random.below(4); count > 0; count--) {
      switch (this.#random.below(3)) {
        case 0:
          acted = this.#feed() || acted
          break
        case 1:
          acted = this.#deliver(1 + this.#random.below(3)) || acted
          break
        default: {
          const release = this.#held.splice(this.#random.below(this.#held.length), 1)[0]
          release?.()
          acted ||= release !== undefined
        }
      }
    }
    return acted
  }

  #canAct(): boolean {
    return this.#held.length > 0 || this.#unsent.length > 0 || (this.#state === 'open' && this.#ready)
  }

  /** Sends the next chunk, or leaves behind the last. @returns false when nothing can be sent now. */
  #feed(): boolean {
    if (this.#state !== 'open' || this.#feeding) return false
    if (this.#next >= this.#leaveAfter) {
      this.#leave()
      return true
    }
    if (!this.#ready) return false
    const chunk = this.#chunks[this.#next++] as Buffer
    this.#position += chunk.length
    this.#largestChunk = Math.max(this.#largestChunk, this.#expected.feed(this.#position))
    this.#feeding = true
    try {
      this.#ready = this.#engine.receive(chunk)
    } catch (error) {
      this.#violate('exception', String(error), error)
    }
    this.#feeding = false
    const refused = this.#expected.refusedAt !== undefined && this.#expected.refusedAt <= this.#position
    if (this.#ready && !refused) this.#checkPending()
    return true
  }

  /**
   * No request starts while the unsent bytes and those that wait for an earlier reply are at the limit, but for
   * the oldest: its reply, and then all that wait for it, come on top of what is unsent.
   */
  #countUnsent(bytes: number): void {
    this.#unsentBytes += bytes
    this.#largestReply = Math.max(this.#largestReply, bytes)
    const { maxUnsentBytes, maxRunning } = this.#limits
    if (this.#unsentBytes >= 2 * maxUnsentBytes + (maxRunning + 1) * this.#largestReply) {
      this.#violate('unsent', `${this.#unsentBytes} bytes of replies are unsent`)
    }
  }

  /**
   * More is not to be read while as much is pending as may be. What was done and waits for an earlier reply
   * takes of the unsent bytes instead, or was gathered with others that were pending.
   */
  #checkPending(): void {
    const { maxPendingRequests, maxUnsentBytes } = this.#limits
    const { unanswered } = this.#expected
    if (unanswered >= 2 * (maxPendingRequests + this.#largestChunk) + maxUnsentBytes / MIN_REPLY_BYTES) {
      this.#violate('pending', `reads on with ${unanswered} requests unanswered`)
    }
  }

  #leave(): void {
    if (this.#state !== 'open') return
    const abandons = this.#plan.ending === 'abandon' && this.#failures === 0
    this.#state = abandons ? 'abandoned' : 'ending'
    void this.#await(abandons ? this.#engine.abandon() : this.#engine.end(), () => (this.#over = true))
  }

  async #await(ending: Promise<void>, over: () => void): Promise<void> {
    try {
      await ending
      over()
    } catch (error) {
      this.#violate('exception', String(error), error)
    }
  }

  #deliver(count: number): boolean {
    // Whoever is gone takes no replies; whether the channel says they are sent is its own affair.
    if (this.#state === 'abandoned' && this.#random.oneIn(2)) return this.#unsent.splice(0).length > 0
    const delivered = this.#unsent.splice(0, count)
    for (const { bytes, copy, counted, sent } of delivered) {
      if (!bytes.equals(copy)) this.#violate('changed-reply', 'a reply changed before it was sent')
      if (counted) this.#unsentBytes -= bytes.length
      try {
        sent()
      } catch (error) {
        this.#violate('exception', String(error), error)
      }
    }
    // The client closes the connection while the server still works at what it sent.
    if (this.#plan.ending === 'end-abandon' && this.#state === 'ending' && this.#random.oneIn(8)) {
      this.#state = 'abandoned'
      void this.#await(this.#engine.abandon(), () => undefined)
    }
    return delivered.length > 0
  }

  /** @returns what it may answer. */
  #answer(bytes: Buffer): string | undefined {
    try {
      if (bytes.length < 9 || bytes.length !== 4 + bytes.readUInt32BE(0)) throw new Violation('reply', 'not one packet')
      if (bytes.length > 4 + MAX_REPLY_BYTES) throw new Violation('reply', `a packet of ${bytes.length} bytes`)
      return this.#expected.answer(bytes.subarray(4))
    } catch (error) {
      if (error instanceof Violation) this.#violation ??= error
      else this.#violate('exception', String(error), error)
      return undefined
    }
  }

  #hold(call: Call | undefined): Promise<void> | undefined {
    if (call !== undefined && this.#plan.faults) injectFault(call, this.#random)
    if (this.#random.oneIn(3)) return undefined
    return new Promise((resolve) => this.#held.push(resolve))
  }

  #checkBounds(): void {
    if (this.#engine.openHandles > this.#limits.maxHandles) this.#violate('handles', 'more open than allowed')
    if (this.#state === 'open' && this.#held.length > this.#limits.maxRunning) {
      this.#violate('running', `${this.#held.length} calls of the filesystem at once`)
    }
  }

  /** Each chunk, each reply, each call and its end may take some turns, and a request many calls, but not for ever. */
  #checkPace(turns: number): void {
    const calls = this.#fs.hooks.calls.length
    const ends = turns < 500 + 40 * this.#chunks.length + 20 * calls && calls < MAX_CALLS * (1 + this.#expected.fed)
    if (!ends) this.#violate('hang', `no end after ${turns} turns and ${calls} calls of the filesystem`)
  }

  #checkEnd(): void {
    if (this.#engine.openHandles > 0) this.#violate('left-open', `${this.#engine.openHandles} handles after the end`)
    for (const { path, ends } of this.#fs.opened) {
      if (ends.length !== 1) this.#violate('left-open', `${path} was ended ${ends.length} times`)
    }
    if (this.#state === 'abandoned') return
    if (this.#expected.unanswered > 0) this.#violate('no-reply', `${this.#expected.unanswered} requests have none`)
    const { refusedAt } = this.#expected
    if (refusedAt !== undefined && refusedAt <= this.#position && this.#failures === 0) {
      this.#violate('fail', 'the protocol was broken and fail() not called')
    }
  }

  #explainHang(): void {
    if (this.#state === 'open') this.#violate('stall', 'the engine stopped reading and does not resume')
    else this.#violate('hang', `${this.#state}, and it does not come to its end`)
  }

  #violate(rule: string, message: string, cause?: unknown): void {
    this.#violation ??= new Violation(rule, message, { cause })
  }
}
