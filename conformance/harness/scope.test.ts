import { expect, test } from 'vitest'

import { Scope, withScope } from './scope.ts'

test('actions are undone once, the last first', async () => {
  const done: string[] = []
  const scope = new Scope()
  scope.defer(() => void done.push('first'))
  scope.defer(() => void done.push('second'))
  await Promise.all([scope.close(), scope.close()])
  expect(done).toEqual(['second', 'first'])
})

test('an action that fails keeps no other from being done, and is told', async () => {
  const done: string[] = []
  const scope = new Scope()
  scope.defer(() => void done.push('first'))
  scope.defer(() => {
    throw new Error('stuck')
  })
  await expect(scope.close()).rejects.toThrow('clean-up failed: Error: stuck')
  expect(done).toEqual(['first'])
})

test('an action that was taken back is not done', async () => {
  const done: string[] = []
  const scope = new Scope()
  scope.defer(() => void done.push('kept'))
  scope.defer(() => void done.push('taken back'))()
  await scope.close()
  expect(done).toEqual(['kept'])
})

test('what comes after the end is undone at once', () => {
  const done: string[] = []
  const scope = new Scope()
  void scope.close()
  expect(() => scope.defer(() => void done.push('late'))).toThrow('interrupted')
  expect(done).toEqual(['late'])
})

test('an inner scope ends with its body, or with the outer one', async () => {
  const done: string[] = []
  const outer = new Scope()
  await expect(
    withScope(outer, async (scope) => {
      scope.defer(() => void done.push('inner'))
      throw new Error('the body failed')
    }),
  ).rejects.toThrow('the body failed')
  expect(done).toEqual(['inner'])

  outer.child().defer(() => void done.push('left open'))
  await outer.close()
  expect(done).toEqual(['inner', 'left open'])
})
