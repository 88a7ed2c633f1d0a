import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { parseOptions, USAGE } from './options.ts'
import type { Options } from './options.ts'
import { describeFailure, fuzz, modeOf, replayCommand } from './run.ts'

/** An input that takes longer hangs: most take well below a millisecond. */
const HANG_MS = 20_000
/** Of the whole process; a run stays at a third of it. */
const MAX_RSS_BYTES = 768 * 1024 * 1024
const MAX_HEAP_MIB = 256
/** Inputs live shortly: room for many of them is fewer collections. */
const YOUNG_HEAP_MIB = 64
const CHECK_MS = 500
const PROGRESS_MS = 15_000

interface Job {
  options: Options
  /** Inputs done, and the seed of the one under way: two numbers that both threads see. */
  shared: SharedArrayBuffer
}

interface Done {
  inputs: { decode: number; session: number }
  bytes: number
  seen: Map<string, number>
  failure: string | undefined
}

if (isMainThread) {
  try {
    const options = parseOptions(process.argv.slice(2))
    if (options.help) console.log(USAGE)
    else process.exitCode = await supervise(options)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  }
} else {
  await work(workerData as Job)
}

async function work({ options, shared }: Job): Promise<void> {
  const view = new Float64Array(shared)
  const progress = (done: number, seed: number): void => {
    view[0] = done
    view[1] = seed
  }
  const { failure, ...figures } = await fuzz({ ...options, progress })
  const done: Done = { ...figures, failure: failure && describeFailure(failure) }
  parentPort?.postMessage(done, [])
}

/** Runs the inputs in a thread, so that one which never ends, or takes all memory, is noticed from outside. */
async function supervise(options: Options): Promise<number> {
  const shared = new SharedArrayBuffer(16)
  const view = new Float64Array(shared)
  const started = performance.now()
  const job: Job = { options, shared }
  const worker = new Worker(new URL(import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  })
  const watch = watchdog(options, view, started)
  const ended = new Promise<Done | string>((resolve) => {
    worker.once('message', (done: Done) => resolve(done))
    worker.once('error', (error) => resolve(failed(options, view, error.stack ?? error.message)))
    worker.once('exit', (code) => resolve(failed(options, view, `the thread ended with ${code}`)))
  })
  const outcome = await Promise.race([ended, watch.failed])
  watch.stop()
  if (typeof outcome === 'string') {
    console.error(outcome)
    void worker.terminate()
    return 1
  }
  for (const line of summary(outcome, (performance.now() - started) / 1000)) console.log(line)
  if (outcome.failure !== undefined) console.error(outcome.failure)
  return outcome.failure === undefined ? 0 : 1
}

/** Prints how far the run is; says so when an input hangs or memory grows without a bound. */
function watchdog(
  options: Options,
  view: Float64Array,
  started: number,
): { failed: Promise<string>; stop: () => void } {
  let [last, since, printed] = [-1, started, started]
  let fail = (_message: string): void => undefined
  const alarm = new Promise<string>((resolve) => (fail = resolve))
  const timer = setInterval(() => {
    const [done = 0] = view
    const now = performance.now()
    if (done !== last) [last, since] = [done, now]
    const { rss } = process.memoryUsage()
    if (now - since > HANG_MS) fail(failed(options, view, `hang: not done after ${HANG_MS / 1000} s`))
    if (rss > MAX_RSS_BYTES) fail(failed(options, view, `memory: ${mib(rss)} in use`))
    if (now - printed < PROGRESS_MS) return
    printed = now
    const rate = Math.round(done / ((now - started) / 1000))
    console.log(`${done} of ${options.inputs} inputs, ${rate} a second, ${mib(rss)}`)
  }, CHECK_MS)
  return { failed: alarm, stop: () => clearInterval(timer) }
}

/** Of an input that cannot be reduced: the thread that ran it is lost. */
function failed({ mode }: Options, view: Float64Array, what: string): string {
  const seed = view[1] ?? 0
  return `FAILED at input ${seed}: ${what}\n${replayCommand(modeOf(mode, seed), seed)}`
}

function summary({ inputs, bytes, seen }: Done, seconds: number): string[] {
  const total = inputs.decode + inputs.session
  const replies = [...seen.keys()].filter((what) => what.includes(' '))
  const kinds = new Set(replies.map((what) => what.replace(/^\S+ /, '')))
  const { maxRSS } = process.resourceUsage()
  return [
    `inputs: ${total} (decode ${inputs.decode}, session ${inputs.session}), ${mib(bytes)} in all`,
    `time: ${seconds.toFixed(1)} s, ${Math.round(total / seconds)} inputs a second`,
    `decoded: ${seen.size - replies.length} kinds of packets`,
    `replies: ${kinds.size} kinds (${[...kinds].toSorted().join(', ')}), ${replies.length} pairs of request and reply`,
    `peak memory: ${mib(maxRSS * 1024)}`,
  ]
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
