import type { Input, Plan } from './input.ts'

/** Simpler ways to send the same bytes, each tried by itself. */
const SIMPLER: readonly Partial<Plan>[] = [
  { cutting: 'whole' },
  { cutting: 'packets' },
  { delayed: false },
  { faults: false },
  { eager: false },
  { manyEntries: false },
  { ending: 'end' },
  { limits: 'default' },
]

/**
 * Makes an input shorter and simpler as long as it fails as before.
 * @param maxAttempts runs of an input that it may take.
 * @param ruleOf the rule that an input breaks, undefined where it breaks none.
 */
export async function minimise(
  input: Input,
  maxAttempts: number,
  ruleOf: (input: Input) => Promise<string | undefined>,
): Promise<Input> {
  const rule = await ruleOf(input)
  if (rule === undefined) return input
  let best: Input = input
  let attempts = 0
  const accept = async (candidate: Input): Promise<boolean> => {
    if (attempts++ >= maxAttempts || (await ruleOf(candidate)) !== rule) return false
    best = candidate
    return true
  }
  for (let before = Number.POSITIVE_INFINITY; size(best) < before;) {
    before = size(best)
    for (const simpler of SIMPLER) {
      const plan = { ...best.plan, ...simpler }
      if (Object.keys(simpler).some((key) => best.plan[key as keyof Plan] !== plan[key as keyof Plan])) {
        await accept({ ...best, plan })
      }
    }
    await dropSegments(() => best, accept)
    await shortenSegments(() => best, accept)
  }
  return best
}

/** Halves, quarters, and so on down to single packets. */
async function dropSegments(current: () => Input, accept: (candidate: Input) => Promise<boolean>): Promise<void> {
  for (
    let count = Math.ceil(current().segments.length / 2);
    count >= 1;
    count = count === 1 ? 0 : Math.ceil(count / 2)
  ) {
    for (let at = 0; at < current().segments.length;) {
      const input = current()
      const segments = input.segments.toSpliced(at, count)
      if (!(await accept(changed(input, segments)))) at += count
    }
  }
}

/** Takes runs of bytes out, with the packet's length mended and not. */
async function shortenSegments(current: () => Input, accept: (candidate: Input) => Promise<boolean>): Promise<void> {
  for (let index = 0; index < current().segments.length; index++) {
    for (let count = (current().segments[index] as Buffer).length >> 1; count >= 1; count >>= 1) {
      for (let at = 0; at < (current().segments[index] as Buffer).length;) {
        const input = current()
        const segment = input.segments[index] as Buffer
        const shorter = Buffer.concat([segment.subarray(0, at), segment.subarray(at + count)])
        const variants = at >= 4 ? [reframed(shorter), shorter] : [shorter]
        let done = false
        for (const variant of variants) {
          done ||= await accept(changed(input, input.segments.with(index, variant)))
        }
        if (!done) at += count
      }
    }
  }
}

function reframed(segment: Buffer): Buffer {
  const copy = Buffer.from(segment)
  if (copy.length >= 4) copy.writeUInt32BE(copy.length - 4, 0)
  return copy
}

function changed(input: Input, segments: readonly Buffer[]): Input {
  return { ...input, segments, pristine: undefined }
}

function size({ segments }: Input): number {
  return segments.reduce((total, { length }) => total + length + 1, 0)
}
