import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { check } from '../conformance/harness/check.ts'
import { runMain } from '../conformance/harness/scope.ts'
import { freeBytes, MEMORY_DIR } from '../conformance/harness/temp.ts'
import { throughputChart } from './chart.ts'
import { whatIsWorse } from './compare.ts'
import { startContender } from './contenders.ts'
import type { Contender } from './contenders.ts'
import { heading, inspectEnvironment } from './environment.ts'
import { summarize } from './figures.ts'
import { featuresMain } from './features/main.ts'
import { growthMain } from './growth/main.ts'
import { httpMain } from './http/main.ts'
import { latencyMain } from './latency/main.ts'
import { benchLogin } from './login/main.ts'
import { manyMain } from './many/main.ts'
import { playRounds } from './rounds.ts'
import { readResults } from './results.ts'
import type { Results } from './results.ts'
import { parseOptions, USAGE } from './options.ts'
import { table } from './table.ts'
import { throttleMain } from './throttle/main.ts'
import { benchUsers } from './users/main.ts'
import { bytesNeeded, layGround, workloads } from './workloads.ts'

/** Everything else is compared with it. */
const BASELINE = 'openssh'

await runMain(async (scope) => {
  const [first, ...rest] = process.argv.slice(2)
  if (first === 'login') return benchLogin(scope, rest)
  if (first === 'throttle') return throttleMain(scope, rest)
  if (first === 'latency') return latencyMain(scope, rest)
  if (first === 'many') return manyMain(scope, rest)
  if (first === 'features') return featuresMain(scope, rest)
  if (first === 'growth') return growthMain(scope, rest)
  if (first === 'http') return httpMain(scope, rest)
  if (first === 'users') return benchUsers(rest)
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const needed = bytesNeeded(options)
  const message = `${MEMORY_DIR} needs ${Math.ceil(needed / 1024 ** 2)} MiB free: give a smaller --size`
  check((await freeBytes(MEMORY_DIR)) >= needed, message)

  const ground = await layGround(scope, options)
  const contenders: Contender[] = []
  for (const name of options.servers) {
    const contender = await startContender(scope, name, {
      ...ground,
      cipher: options.cipher,
      protocol: options.protocol,
    })
    if (contender) contenders.push(contender)
    else console.log(`${name} is not measured: it is not installed`)
  }

  const samples = await playRounds(contenders, workloads(options), ground, options.rounds)
  const summaries = summarize(samples, BASELINE)
  const environment = await inspectEnvironment(scope, options)
  console.log(`${heading(environment, options)}\n\n${table(summaries, BASELINE)}`)
  const results: Results = { environment, options, summaries, samples }
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true })
    await writeFile(join(options.out, 'throughput.json'), `${JSON.stringify(results, null, 2)}\n`)
    await writeFile(join(options.out, 'throughput.svg'), throughputChart(results, BASELINE))
  }
  if (options.compare === undefined) return 0
  const worse = whatIsWorse(await readResults(options.compare), samples, BASELINE)
  console.log(worse.length === 0 ? `\nnothing is worse than in ${options.compare}` : `\n${worse.join('\n')}`)
  return worse.length === 0 ? 0 : 1
})
