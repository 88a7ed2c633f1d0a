import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { thisOwner } from './owner.ts'

const nameFor = (pid: number, start: string | number) => {
  const [boot, namespace] = thisOwner().name.split('.')
  return `${boot}.${namespace}.${pid}.${start}.00000000`
}

test('an owner is short plain text, and another one each time', () => {
  const [one, two] = [thisOwner(), thisOwner()]
  expect(one.name).toMatch(/^[0-9a-f-]{36}\.\d+\.\d+\.\d+\.[0-9a-f]{8}$/)
  expect(one.name.length).toBeLessThanOrEqual(128)
  expect(one.instance).toMatch(/^[0-9a-z]{8}$/)
  expect(one.name).not.toBe(two.name)
})

test('this process lives', () => {
  expect(thisOwner().isGone(thisOwner().name)).toBe(false)
})

test('a process that has ended is gone, and one that has its pid now is another', async () => {
  const child = spawn('/bin/true')
  await once(child, 'exit')
  expect(thisOwner().isGone(nameFor(child.pid ?? 0, 1))).toBe(true)
  expect(thisOwner().isGone(nameFor(process.pid, 1))).toBe(true)
})

test.each(['', 'x', 'other-boot.1.1.1.00000000', '../../etc.passwd'])('of %j nothing is known', (name) => {
  expect(thisOwner().isGone(name)).toBe(false)
})

test('a name that would lead elsewhere in /proc is not followed', () => {
  const [boot, namespace] = thisOwner().name.split('.')
  expect(thisOwner().isGone(`${boot}.${namespace}./../self.1.0`)).toBe(false)
})
