import type { Random } from './random.ts'

export const MODES = ['decode', 'session'] as const
export type Mode = (typeof MODES)[number]

/** How the bytes are cut on their way; `packets` cuts where the generator ended one. */
export type Cutting = 'whole' | 'packets' | 'bytes' | 'small' | 'random'
export type LimitsName = 'default' | 'small' | 'tiny'

/** Everything about an input but its bytes. */
export interface Plan {
  cutting: Cutting
  limits: LimitsName
  /** Calls of the filesystem end late and in any order, replies leave late, chunks come when they come. */
  delayed: boolean
  /** Calls of the filesystem fail now and then. */
  faults: boolean
  /** The driver sends on from within `resume()`. */
  eager: boolean
  /** A directory that takes more than one READDIR. */
  manyEntries: boolean
  /** How the client leaves; `early` ones before it sent everything. */
  ending: 'end' | 'early-end' | 'abandon' | 'end-abandon'
}

export interface Input {
  /** It follows from this alone, with its mode. */
  seed: number
  /** What the generator made, packet by packet; garbage and what is left of a mutated packet are segments, too. */
  segments: readonly Buffer[]
  /** Kind of every segment where nothing was mutated, and each decodes to itself. */
  pristine: readonly string[] | undefined
  plan: Plan
}

/** The stream in chunks, as a channel might bring it. */
export function cut({ segments, plan }: Input, bytes: Buffer, random: Random): readonly Buffer[] {
  if (plan.cutting === 'whole') return [bytes]
  if (plan.cutting === 'packets') return segments.filter(({ length }) => length > 0)
  // A long stream byte by byte would be an input that takes as long as thousands of others.
  const long = bytes.length > 4096
  const most = { bytes: long ? 4096 : 1, small: long ? 40_000 : 24, random: bytes.length }[plan.cutting]
  return pieces(bytes, () => 1 + random.below(most))
}

function pieces(bytes: Buffer, size: () => number): readonly Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0; start < bytes.length;) {
    const end = start + size()
    chunks.push(bytes.subarray(start, end))
    start = end
  }
  return chunks
}

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** Which one: what an input is reduced to must break the same. */
  readonly rule: string
  constructor(rule: string, message: string, options?: ErrorOptions) {
    super(`${rule}: ${message}`, options)
    this.rule = rule
  }
}
