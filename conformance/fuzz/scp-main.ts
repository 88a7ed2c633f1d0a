import { playScp } from './scp.ts'
import { parseScpOptions, SCP_USAGE } from './scp-options.ts'

const PROGRESS_EVERY = 100_000

try {
  const options = parseScpOptions(process.argv.slice(2))
  if (options.help) console.log(SCP_USAGE)
  else process.exitCode = await main(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}

async function main({ seed, inputs }: { seed: number; inputs: number }): Promise<number> {
  const started = performance.now()
  const seen = new Map<string, number>()
  Error.stackTraceLimit = 4
  for (let current = seed; current < seed + inputs; current++) {
    try {
      const what = await playScp(current)
      seen.set(what, (seen.get(what) ?? 0) + 1)
    } catch (error) {
      console.error(`FAILED sequence ${current}: ${error instanceof Error ? error.stack : String(error)}`)
      console.error(`replay: node dist/conformance/fuzz/scp-main.js --seed ${current} --inputs 1`)
      return 1
    }
    const done = current - seed + 1
    if (done % PROGRESS_EVERY === 0) console.log(`${done} of ${inputs} sequences`)
  }
  const seconds = (performance.now() - started) / 1000
  console.log(`sequences: ${inputs} (${[...seen].map(([what, count]) => `${what}: ${count}`).join(', ')})`)
  console.log(`time: ${seconds.toFixed(1)} s; peak memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
  return 0
}
