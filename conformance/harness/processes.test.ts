import { expect, onTestFinished, test } from 'vitest'

import { processStat } from './proc.ts'
import { Child, finishedWithin, run } from './processes.ts'
import { Scope } from './scope.ts'
import { waitUntil } from './wait.ts'

function newScope(): Scope {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  return scope
}

test('a program gets its input, and gives its output and exit code', async () => {
  const result = await run(newScope(), '/bin/sh', ['-c', 'cat; echo oops >&2; exit 3'], { input: Buffer.from('in') })
  expect(result).toEqual({ code: 3, signal: null, stdout: 'in', stderr: 'oops\n' })
})

test('a program that does not exist is an error', async () => {
  await expect(run(newScope(), '/nonexistent/program', [])).rejects.toThrow('/nonexistent/program could not be started')
})

test('nothing of the environment is inherited but PATH and HOME', async () => {
  process.env['SFTP_TEST_LEAK'] = 'leaked'
  onTestFinished(() => void delete process.env['SFTP_TEST_LEAK'])
  expect((await run(newScope(), '/bin/sh', ['-c', 'echo "[$SFTP_TEST_LEAK]"'])).stdout).toBe('[]\n')
})

test('the end of the scope ends a process with its children', async () => {
  const scope = newScope()
  const child = new Child(scope, '/bin/sh', ['-c', 'sleep 100 & echo "child $!"; wait'])
  const grandchild = Number((await child.waitForOutput(/child (\d+)/, 5_000))[1])
  await scope.close()
  expect(child.running).toBe(false)
  await waitUntil('the grandchild is gone', () => [undefined, 'Z'].includes(processStat(grandchild)?.state))
})

test('waiting for output that never comes ends with the process, and shows what it said', async () => {
  const child = new Child(newScope(), '/bin/sh', ['-c', 'echo cannot bind >&2; exit 1'])
  await expect(child.waitForOutput(/ready/, 5_000)).rejects.toThrow('sh ended with 1: cannot bind')
})

test('a program that takes too long is killed', async () => {
  const child = new Child(newScope(), '/bin/sleep', ['100'])
  await expect(finishedWithin(child, 10)).rejects.toThrow('not finished after 10 ms')
  expect((await child.exited).signal).toBe('SIGKILL')
})
