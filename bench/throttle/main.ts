import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { inspectEnvironment } from '../environment.ts'
import { measure } from './measure.ts'
import type { Result } from './measure.ts'
import { parseThrottleOptions, THROTTLE_USAGE } from './options.ts'
import { throttlePlot, TOLERANCE_PERCENT } from './plot.ts'
import { throttleTable } from './report.ts'

/** Measures what an account with a limit gets. @returns the exit code: 1 when a case is further off than is promised. */
export async function throttleMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = parseThrottleOptions(args)
  if (options.help) {
    console.log(THROTTLE_USAGE)
    return 0
  }
  const server = await startSftpgo(scope)
  const results: Result[] = []
  for (const limitKb of options.limitsKb) {
    for (const direction of ['upload', 'download'] as const) {
      for (const transfers of options.transfers) {
        console.error(`${limitKb} KB/s, ${direction}, ${transfers} at once`)
        results.push(await measure(scope, server, { limitKb, direction, transfers }, options.seconds))
      }
    }
  }
  console.log(throttleTable(results))
  const environment = await inspectEnvironment(scope, { cipher: "the client's default" })
  await mkdir(options.out, { recursive: true })
  await writeFile(join(options.out, 'throttle.json'), `${JSON.stringify({ environment, results }, null, 2)}\n`)
  await writeFile(join(options.out, 'throttle.svg'), throttlePlot(results))
  return results.every(({ errorPercent }) => Math.abs(errorPercent) <= TOLERANCE_PERCENT) ? 0 : 1
}
