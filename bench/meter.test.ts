import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { Child } from '../conformance/harness/processes.ts'
import { Scope } from '../conformance/harness/scope.ts'
import { tempDir } from '../conformance/harness/temp.ts'
import { cpuSecondsOf, measure } from './meter.ts'

test('the time of a process and of its ended children is added over the tree', () => {
  const one = { pid: 1, ppid: 0, state: 'S', startTicks: 0 }
  const tree = [
    { ...one, cpuSeconds: 1, reapedCpuSeconds: 10 },
    { ...one, cpuSeconds: 2, reapedCpuSeconds: 0.5 },
  ]
  expect(cpuSecondsOf(tree)).toBe(13.5)
})

test('what a child that has ended spent is counted', async () => {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  // Like a server that forks a process a connection: the work is done in a child, which is waited for.
  const busy = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'
  const flag = join(await tempDir(scope), 'begin')
  const idle = `while [ ! -e ${flag} ]; do sleep 0.02; done`
  const server = new Child(scope, '/bin/sh', ['-c', `${idle}; (${busy}); echo done; sleep 100 & wait`])
  const { cpuSeconds, peakRssKib, seconds } = await measure(server.pid, 2, async () => {
    await writeFile(flag, '')
    await server.waitForOutput(/done/, 30_000)
  })
  expect(cpuSeconds).toBeGreaterThan(0.02)
  expect(cpuSeconds).toBeLessThan(seconds)
  expect(peakRssKib).toBeGreaterThan(500)
})
