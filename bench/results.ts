import { readFile } from 'node:fs/promises'

import type { Environment } from './environment.ts'
import type { Sample, Summary } from './figures.ts'
import type { Options } from './options.ts'

/** What throughput.json holds. */
export interface Results {
  environment: Environment
  options: Options
  summaries: readonly Summary[]
  samples: readonly Sample[]
}

/** @returns the samples of such a file. @throws Error of one line when it is none. */
export async function readResults(file: string): Promise<readonly Sample[]> {
  const { samples } = JSON.parse(await readFile(file, 'utf8')) as Partial<Results>
  if (!Array.isArray(samples)) throw new Error(`${file} holds no samples of this benchmark`)
  return samples
}
