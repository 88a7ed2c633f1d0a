import { isDeepStrictEqual } from 'node:util'

import { sha256, manifest } from './files.ts'
import type { Finished } from './processes.ts'

export function check(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Error(reason)
}

export function checkSame(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: expected ${show(expected)}, found ${show(actual)}`)
}

export async function checkSameFile(
  actual: string | Buffer,
  expected: string | Buffer,
  what = 'contents',
): Promise<void> {
  checkSame(await sha256(actual), await sha256(expected), `sha256 of the ${what}`)
}

/** @throws naming the first entries that differ, not the whole trees. */
export async function checkSameTree(actual: string, expected: string): Promise<void> {
  const [found, wanted] = [await manifest(actual), await manifest(expected)]
  const names = new Set([...Object.keys(found), ...Object.keys(wanted)])
  const wrong = [...names].filter((name) => found[name] !== wanted[name])
  const details = wrong.slice(0, 3).map((name) => `${name}: expected ${wanted[name]}, found ${found[name]}`)
  check(wrong.length === 0, `${wrong.length} of ${names.size} entries differ: ${details.join('; ')}`)
  check(names.size > 0, 'both trees are empty')
}

export function checkSucceeded(result: Finished): void {
  check(result.code === 0, `the client ended with ${result.code ?? result.signal}: ${complaint(result)}`)
}

export function checkFailed(result: Finished, complaintPattern: RegExp): void {
  check(result.code !== 0, `the client succeeded: ${result.stdout.trim()}`)
  check(
    complaintPattern.test(result.stderr),
    `expected a complaint like ${String(complaintPattern)}, found: ${complaint(result)}`,
  )
}

function complaint(result: Finished): string {
  return result.stderr.trim() || result.stdout.trim() || '(no output)'
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}
