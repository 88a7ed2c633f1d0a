import { expect, test } from 'vitest'
import { parseScpOptions } from './scp-options.ts'
import { playScp } from './scp.ts'

test('whatever a client of SCP says, the command ends, leaves nothing open and stays inside its target', async () => {
  const seen = new Map<string, number>()
  for (let seed = 1; seed <= 5000; seed++) {
    const what = await playScp(seed)
    seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  // Both machines, and both ways to end: the sequences get that far.
  expect([...seen.keys()].toSorted()).toEqual(['sink 0', 'sink 1', 'source 0', 'source 1'])
  for (const count of seen.values()) expect(count).toBeGreaterThan(50)
}, 60_000)

test('a sequence follows from its seed alone', async () => {
  const run = async (): Promise<string[]> => {
    const results: string[] = []
    for (let seed = 1; seed <= 200; seed++) results.push(await playScp(seed))
    return results
  }
  expect(await run()).toEqual(await run())
})

test('options', () => {
  expect(parseScpOptions([])).toEqual({ seed: 1, inputs: 100_000, help: false })
  expect(parseScpOptions(['--seed', '7', '--inputs', '1'])).toEqual({ seed: 7, inputs: 1, help: false })
  expect(() => parseScpOptions(['--inputs', 'x'])).toThrow('--inputs takes a whole number, not x')
})
