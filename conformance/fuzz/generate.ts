import { SSH_FXF, SSH_FXP } from '../../protocol/sftp/constants.ts'
import { REQUEST_RULES, RESPONSE_RULES } from './grammar.ts'
import type { Rule } from './grammar.ts'
import type { Cutting, Input, LimitsName, Mode, Plan } from './input.ts'
import { mutate } from './mutate.ts'
import { Random } from './random.ts'
import type { Scratch } from './scratch.ts'
import { noise, writeValue } from './values.ts'
import type { Story } from './values.ts'

const STREAM = 1
const PLAN = 2

/** Lasts until the next input is made in the same scratch, and longer: its bytes are its own. */
export function generate(mode: Mode, seed: number, scratch: Scratch): Input {
  const maker = new Maker(scratch, new Random(seed, STREAM))
  return maker.input(mode, seed)
}

const INIT = ruleOf('init')
const ALL_RULES: readonly Rule[] = [...REQUEST_RULES, ...RESPONSE_RULES]
/** What a busy session is made of. */
const BUSY_RULES = 'open open read read write write write close fstat opendir readdir stat copyData'
  .split(' ')
  .map(ruleOf)
const OPENING = [['open'], ['open', 'open'], ['open', 'opendir'], ['open', 'opendir', 'open'], ['opendir'], []].map(
  (kinds) => kinds.map(ruleOf),
)

const [READ_WRITE, APPEND_NEW, WRITE_NEW] = [
  SSH_FXF.READ | SSH_FXF.WRITE,
  SSH_FXF.READ | SSH_FXF.WRITE | SSH_FXF.APPEND | SSH_FXF.CREAT,
  SSH_FXF.READ | SSH_FXF.WRITE | SSH_FXF.CREAT | SSH_FXF.TRUNC,
]
/** What succeeds, so that what follows has something to work on. */
const WORKING: readonly (readonly [string, number])[][] = [
  [['/a', READ_WRITE]],
  [
    ['/a', READ_WRITE],
    ['/new', WRITE_NEW],
  ],
  [
    ['/link', READ_WRITE],
    ['/a', READ_WRITE],
    ['/d/a', APPEND_NEW],
  ],
]

class Maker {
  readonly #out: Scratch
  readonly #random: Random
  readonly #story: Story
  /** Begin and end of every segment in the scratch. */
  readonly #spans: [number, number][] = []
  readonly #kinds: string[] = []
  #id: number
  #pristine = true

  constructor(out: Scratch, random: Random) {
    out.clear()
    this.#out = out
    this.#random = random
    this.#story = { big: random.oneIn(512), handle: 0, end: 0n }
    this.#id = random.pick([0, 1, 1, 1, 100, 0xfffffffc])
  }

  input(mode: Mode, seed: number): Input {
    if (mode === 'decode') this.#packets()
    else this.#session()
    const bytes = Buffer.allocUnsafe(this.#spans.reduce((total, [start, end]) => total + end - start, 0))
    let length = 0
    const segments = this.#spans.map(([start, end]) => {
      const from = length
      length += this.#out.bytes.copy(bytes, from, start, end)
      return bytes.subarray(from, length)
    })
    const plan = planOf(mode, new Random(seed, PLAN))
    return { seed, segments, pristine: this.#pristine ? this.#kinds : undefined, plan }
  }

  /** Packets of any direction, most of them mutated. */
  #packets(): void {
    const random = this.#random
    const mutated = !random.oneIn(4)
    for (let count = 1 + random.below(4); count > 0; count--) {
      if (random.oneIn(12)) this.#unknown()
      else this.#packet(random.pick(ALL_RULES))
      if (mutated && !random.oneIn(3)) this.#mutate(1 + random.below(3), 6)
    }
    if (mutated) this.#shuffle()
  }

  /** What a client sends, with a slip or two in half of all inputs. */
  #session(): void {
    const random = this.#random
    const slips = random.oneIn(2) ? 0 : 1 + random.below(2)
    if (!random.oneIn(32)) this.#packet(INIT)
    if (random.oneIn(2)) for (const rule of random.pick(OPENING)) this.#packet(rule)
    else for (const [filename, pflags] of random.pick(WORKING)) this.#open(filename, pflags)
    const busy = random.oneIn(2)
    const count = random.oneIn(40) ? 20 + random.below(80) : 1 + random.below(12)
    for (let index = 0; index < count; index++) {
      if (random.oneIn(40)) this.#unknown()
      else if (random.oneIn(60)) this.#packet(random.pick(RESPONSE_RULES))
      else this.#packet(random.pick(busy && !random.oneIn(8) ? BUSY_RULES : REQUEST_RULES))
      if (random.below(count) < slips) this.#mutate(1, 8)
    }
    if (slips > 0 && random.oneIn(3)) this.#shuffle()
  }

  #packet({ kind, type, extension, hasId, fields }: Rule): void {
    const out = this.#out
    this.#begin(type, hasId)
    if (extension !== undefined) out.string(extension)
    for (const field of fields) {
      out.mark()
      writeValue(out, this.#random, field, this.#story)
    }
    this.#finish(kind)
  }

  #open(filename: string, pflags: number): void {
    const out = this.#out
    this.#begin(SSH_FXP.OPEN, true)
    out.string(Buffer.from(filename))
    out.mark()
    out.uint32(pflags)
    out.mark()
    out.uint32(0)
    this.#finish('open')
  }

  /** A type or an extension that no table has. */
  #unknown(): void {
    const out = this.#out
    const extended = this.#random.oneIn(2)
    this.#begin(extended ? SSH_FXP.EXTENDED : this.#random.pick([0, 21, 42, 99, 106, 199, 202, 255]), true)
    if (extended) out.string(Buffer.from(this.#random.pick(['', 'no-such@example.org', 'copy-data ', 'limits'])))
    noise(out, this.#random, this.#random.below(24))
    this.#finish('unknown')
  }

  #begin(type: number, hasId: boolean): void {
    this.#out.begin()
    this.#out.mark()
    this.#out.byte(type)
    this.#out.mark()
    if (hasId) this.#out.uint32(this.#nextId())
    this.#out.mark()
  }

  #finish(kind: string): void {
    const out = this.#out
    out.mark()
    out.patchLength()
    this.#spans.push([out.start, out.length])
    this.#kinds.push(kind)
    this.#pristine &&= out.canonical && kind !== 'unknown'
  }

  /** One after the other as clients do, and now and then one that is under way already. */
  #nextId(): number {
    if (this.#random.oneIn(24))
      return this.#random.oneIn(2) ? this.#random.uint32() : (this.#id - this.#random.below(4)) >>> 0
    this.#id = (this.#id + 1) >>> 0
    return this.#id
  }

  #mutate(times: number, framingOneIn: number): void {
    for (let time = 0; time < times; time++) mutate(this.#out, this.#random, framingOneIn)
    this.#spans[this.#spans.length - 1] = [this.#out.start, this.#out.length]
    this.#pristine = false
  }

  /** Changes the order of packets, sends one twice, puts garbage between them, ends in the middle of one. */
  #shuffle(): void {
    const [random, spans, out] = [this.#random, this.#spans, this.#out]
    this.#pristine = false
    const at = random.below(spans.length)
    const span = spans[at] as [number, number]
    switch (random.below(5)) {
      case 0:
        spans.splice(random.below(spans.length), 0, span)
        break
      case 1:
        spans.splice(at, 1)
        spans.splice(random.below(spans.length), 0, span)
        break
      case 2: {
        const start = out.length
        noise(out, random, 1 + random.below(40))
        spans.splice(at + 1, 0, [start, out.length])
        break
      }
      case 3:
        spans.length = at + 1
        spans[at] = [span[0], span[0] + random.below(span[1] - span[0])]
        break
      default:
        spans.splice(at, 1)
    }
  }
}

const CUTTINGS: readonly Cutting[] = ['whole', 'whole', 'packets', 'packets', 'small', 'small', 'random', 'bytes']
const LIMITS: readonly LimitsName[] = ['default', 'default', 'default', 'small', 'small', 'tiny']
const ENDINGS: readonly Plan['ending'][] = ['end', 'end', 'end', 'end', 'early-end', 'abandon', 'end-abandon']

function planOf(mode: Mode, random: Random): Plan {
  const session = mode === 'session'
  return {
    cutting: random.pick(CUTTINGS),
    limits: random.pick(LIMITS),
    delayed: session && !random.oneIn(3),
    faults: session && random.oneIn(4),
    eager: session && random.oneIn(2),
    manyEntries: session && random.oneIn(128),
    ending: session ? random.pick(ENDINGS) : 'end',
  }
}

function ruleOf(kind: string): Rule {
  const rule = REQUEST_RULES.find((candidate) => candidate.kind === kind)
  if (rule === undefined) throw new Error(`no request is called ${kind}`)
  return rule
}
