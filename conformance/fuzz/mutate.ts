import type { Random } from './random.ts'
import type { Scratch } from './scratch.ts'
import { ODD_UINT32S, noise } from './values.ts'

/** Changes the packet under way. What it moves makes later marks wrong, which is one more mutation. */
type Mutation = (out: Scratch, random: Random) => void

/** Those that leave the packet's own length right: the stream goes on behind it. */
const WITHIN: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  changeCount,
  changeCount,
  dropField,
  doubleField,
  cutBody,
  addTail,
  changeType,
  addNoise,
]
/** Those after which the stream is likely to be garbage for the framer. */
const FRAMING: readonly Mutation[] = [changeFrame, cutBytes, addBytes, flipAnyBit]

/** @param framingOneIn how seldom the framing is hit: a session ends soon afterwards. */
export function mutate(out: Scratch, random: Random, framingOneIn: number): void {
  // Of what an earlier mutation left this little, nothing is worth changing.
  if (out.length - out.start < 6) return
  const framing = random.oneIn(framingOneIn)
  random.pick(framing ? FRAMING : WITHIN)(out, random)
  out.canonical = false
  if (!framing) out.patchLength()
}

/** A place in the packet behind its length. */
function inside(out: Scratch, random: Random): number {
  return out.start + 4 + random.below(out.length - out.start - 4)
}

function flipBit(out: Scratch, random: Random): void {
  const at = inside(out, random)
  if (at < out.length) out.bytes[at] = (out.bytes[at] as number) ^ (1 << random.below(8))
}

function setByte(out: Scratch, random: Random): void {
  const at = inside(out, random)
  if (at < out.length) out.bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff])
}

/** A length or count inside the packet: off by one, nothing, far too much. */
function changeCount(out: Scratch, random: Random): void {
  if (out.counts.length > 1) changeNumber(out, random, out.counts[1 + random.below(out.counts.length - 1)] as number)
}

function changeFrame(out: Scratch, random: Random): void {
  changeNumber(out, random, out.start)
}

function changeNumber(out: Scratch, random: Random, at: number): void {
  if (at + 4 > out.length) return
  const value = out.bytes.readUInt32BE(at)
  const changed = random.oneIn(2) ? value + random.pick([-1, 1, -4, 4, out.length - at - 4]) : random.pick(ODD_UINT32S)
  out.bytes.writeUInt32BE(changed >>> 0, at)
}

/** A field from mark to mark, or undefined where there is none. */
function field(out: Scratch, random: Random): { at: number; length: number } | undefined {
  const index = random.below(out.fields.length - 1)
  const [at, end] = [out.fields[index], out.fields[index + 1]]
  return at === undefined || end === undefined || end > out.length ? undefined : { at, length: end - at }
}

function dropField(out: Scratch, random: Random): void {
  const dropped = field(out, random)
  if (dropped !== undefined) out.splice(dropped.at, dropped.length, 0)
}

function doubleField(out: Scratch, random: Random): void {
  const doubled = field(out, random)
  if (doubled === undefined || doubled.length > 8192) return
  out.splice(doubled.at, 0, doubled.length)
  out.bytes.copyWithin(doubled.at, doubled.at + doubled.length, doubled.at + 2 * doubled.length)
}

/** Ends the packet early; at least its type stays. */
function cutBody(out: Scratch, random: Random): void {
  out.length = Math.max(out.start + 5, inside(out, random))
}

function addTail(out: Scratch, random: Random): void {
  noise(out, random, 1 + random.below(16))
}

function addNoise(out: Scratch, random: Random): void {
  const [at, added] = [inside(out, random), 1 + random.below(8)]
  out.splice(at, 0, added)
  for (let index = 0; index < added; index++) out.bytes[at + index] = random.below(256)
}

function changeType(out: Scratch, random: Random): void {
  out.bytes[out.start + 4] = random.below(random.oneIn(2) ? 32 : 256)
}

function cutBytes(out: Scratch, random: Random): void {
  out.length = out.start + random.below(out.length - out.start)
}

function addBytes(out: Scratch, random: Random): void {
  noise(out, random, 1 + random.below(12))
}

function flipAnyBit(out: Scratch, random: Random): void {
  const at = out.start + random.below(out.length - out.start)
  if (at < out.length) out.bytes[at] = (out.bytes[at] as number) ^ (1 << random.below(8))
}
