import { check } from '../conformance/harness/check.ts'
import type { Contender } from './contenders.ts'
import type { Sample } from './figures.ts'
import { measure } from './meter.ts'
import type { Ground, Workload } from './workloads.ts'

const WARM_UP_ROUND = 0

/**
 * Every workload with every server, in each round; a round that warms up comes first.
 * @throws when a transfer fails or what arrived is not what was sent.
 */
export async function playRounds(
  contenders: readonly Contender[],
  workloads: readonly Workload[],
  ground: Ground,
  rounds: number,
): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let round = WARM_UP_ROUND; round <= rounds; round++) {
    for (const workload of workloads) {
      for (const contender of inTurn(contenders, round)) {
        const target = `transfer-${samples.length}`
        samples.push({ round, ...(await sampleOf(contender, workload, ground, target, round === WARM_UP_ROUND)) })
      }
    }
    console.error(round === WARM_UP_ROUND ? 'warmed up' : `round ${round} of ${rounds} done`)
  }
  return samples
}

/** Another one is the first in each round, and the next round goes the other way: what one leaves behind meets all. */
function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  const turned = all.map((_, index) => all[(index + (round >> 1)) % all.length] as T)
  return round % 2 === 0 ? turned : turned.toReversed()
}

async function sampleOf(
  contender: Contender,
  workload: Workload,
  ground: Ground,
  target: string,
  thorough: boolean,
): Promise<Omit<Sample, 'round'>> {
  const { name: server, pid, idleProcesses, client } = contender
  const measured = await measure(pid, idleProcesses, async () => {
    const result = await workload.run(client, target)
    check(result.code === 0, `${workload.name} with ${server}: ${result.stderr}\n${contender.output().slice(-2_000)}`)
  })
  await workload.check(ground, target, thorough)
  await workload.clean(ground, target)
  const { name, bytes, files } = workload
  return { workload: name, server, bytes, files, ...measured }
}
