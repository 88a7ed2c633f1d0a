import { setImmediate as turn } from 'node:timers/promises'
import { CODECS, checkDecode } from './decode.ts'
import type { Codecs } from './decode.ts'
import { generate } from './generate.ts'
import { Violation } from './input.ts'
import type { Input, Mode } from './input.ts'
import { createPools } from './limits.ts'
import { minimise } from './minimise.ts'
import { Scratch } from './scratch.ts'
import { checkSession, createServer } from './session.ts'
import type { CreateEngine, SessionContext } from './session.ts'

export interface FuzzOptions {
  mode: Mode | 'all'
  /** The first input's seed; the others follow, one by one. */
  seed: number
  inputs: number
  /** Before every input. */
  progress?: (done: number, seed: number) => void
  /** How hard a failing input is reduced. */
  minimiseAttempts?: number
  codecs?: Codecs
  createEngine?: CreateEngine
}

export interface Failure {
  mode: Mode
  seed: number
  /** Of the input as it was generated. */
  violation: Violation
  minimised: Input
}

export interface Figures {
  inputs: Record<Mode, number>
  bytes: number
  /** How often each kind of packet was decoded, and each kind of request got each kind of reply. */
  seen: Map<string, number>
  failure: Failure | undefined
}

/** Some seconds for most inputs. */
const MINIMISE_ATTEMPTS = 4000
/** In a mixed run every so many-th input is a session: they take that much longer. */
const SESSION_ONE_IN = 10

export function modeOf(mode: Mode | 'all', seed: number): Mode {
  if (mode !== 'all') return mode
  return seed % SESSION_ONE_IN === 0 ? 'session' : 'decode'
}

/** Checks inputs until one fails. */
export async function fuzz({
  mode,
  seed: first,
  inputs,
  progress,
  minimiseAttempts = MINIMISE_ATTEMPTS,
  codecs = CODECS,
  createEngine = createServer,
}: FuzzOptions): Promise<Figures> {
  const figures: Figures = { inputs: { decode: 0, session: 0 }, bytes: 0, seen: new Map(), failure: undefined }
  const seen = (what: string): void => void figures.seen.set(what, (figures.seen.get(what) ?? 0) + 1)
  const context: SessionContext = { createEngine, pools: createPools(), seen }
  const scratch = new Scratch()
  const rejections: unknown[] = []
  const onRejection = (reason: unknown): void => void rejections.push(reason)
  const check = async (kind: Mode, input: Input): Promise<void> => {
    if (kind === 'decode') {
      checkDecode(input, codecs, seen)
      return
    }
    const violation = await failureOf(() => checkSession(input, context))
    // Whatever else went wrong, went wrong behind it.
    if (rejections.length > 0) throw rejected(rejections.splice(0))
    if (violation !== undefined) throw violation
  }
  // Nearly every input is refused somewhere, and most of a refusal's time goes into its stack.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  process.on('unhandledRejection', onRejection)
  try {
    for (let seed = first; seed < first + inputs; seed++) {
      progress?.(seed - first, seed)
      const kind = modeOf(mode, seed)
      const input = generate(kind, seed, scratch)
      try {
        // Awaiting nothing would take a decoder's time twice.
        if (kind === 'decode') checkDecode(input, codecs, seen)
        else await check(kind, input)
      } catch (error) {
        Error.stackTraceLimit = stackTraceLimit
        const violation = asViolation(error)
        const ruleOf = async (candidate: Input): Promise<string | undefined> =>
          (await failureOf(() => check(kind, candidate)))?.rule
        figures.failure = { mode: kind, seed, violation, minimised: await minimise(input, minimiseAttempts, ruleOf) }
        return figures
      }
      figures.inputs[kind]++
      for (const { length } of input.segments) figures.bytes += length
    }
    return figures
  } finally {
    // What the last input rejected is reported before the listener is gone.
    await turn()
    process.off('unhandledRejection', onRejection)
    Error.stackTraceLimit = stackTraceLimit
  }
}

async function failureOf(check: () => Promise<void>): Promise<Violation | undefined> {
  try {
    await check()
    return undefined
  } catch (error) {
    return asViolation(error)
  }
}

/** Whatever else is thrown is an exception of the code that is judged, or of the judge: either must be looked at. */
function asViolation(error: unknown): Violation {
  return error instanceof Violation ? error : new Violation('exception', String(error), { cause: error })
}

function rejected(reasons: readonly unknown[]): Violation {
  return new Violation('unhandled-rejection', reasons.map(String).join('; '), { cause: reasons[0] })
}

/** For a person: what failed, on which bytes, and how to see it again. */
export function describeFailure({ mode, seed, violation, minimised }: Failure): string {
  const { plan, segments } = minimised
  const cause = violation.cause instanceof Error ? violation.cause.stack : undefined
  return [
    `FAILED ${mode} input ${seed}: ${violation.message}`,
    ...(cause === undefined ? [] : [cause]),
    `minimised, a packet a line, ${JSON.stringify(plan)}:`,
    ...segments.map((segment) => `  ${segment.toString('hex')}`),
    replayCommand(mode, seed),
  ].join('\n')
}

export function replayCommand(mode: Mode, seed: number): string {
  return `replay: node dist/conformance/fuzz/main.js --mode ${mode} --replay ${seed}`
}
