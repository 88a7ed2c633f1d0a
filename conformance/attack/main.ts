import fs from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { generateKey } from '../harness/keys.ts'
import type { Scope } from '../harness/scope.ts'
import { startSftpgo } from '../harness/sftpgo-server.ts'
import { tempDir } from '../harness/temp.ts'
import { positiveInteger } from '../options.ts'
import { Attacker, Refused } from './attacker.ts'
import { ATTEMPTS } from './attempts.ts'
import { Needles, plantCanaries, stateOf, touched } from './canaries.ts'
import { flipOnDisk, flipOverSftp } from './flippers.ts'
import { plantTarget } from './home.ts'

interface AttackResult {
  seconds: number
  flipsOverSftp: number
  flipsOnDisk: number
  attempts: number
  /** Of the attempts: what was done inside. */
  succeeded: number
  /** Attempts that never succeeded, which prove little. */
  neverSucceeded: string[]
  /** Paths outside of the home that are not as they were. */
  touched: string[]
  /** Times that something from outside came over the wire. */
  read: number
}

const SESSIONS = 2
/** Requests of a session under way at once. */
const AT_ONCE = 8

/** `--attack SECONDS`. @returns the exit code: 1 when anything outside was touched or read. */
export async function attackMain(scope: Scope, args: readonly string[]): Promise<number> {
  const [text = '60', ...rest] = args
  if (rest.length > 0) throw new Error(`--attack takes a number of seconds, not ${args.join(' ')}`)
  const result = await attack(scope, positiveInteger('--attack', text))
  for (const line of attackReport(result)) console.log(line)
  return result.touched.length === 0 && result.read === 0 ? 0 : 1
}

/** Attacks the built server's confinement from several connections of one account. */
async function attack(scope: Scope, seconds: number): Promise<AttackResult> {
  const base = fs.realpathSync(await tempDir(scope))
  const home = join(base, 'bob')
  await mkdir(home)
  const needles = new Needles(['outside', 'bobby'].flatMap((name) => plantCanaries(join(base, name))))
  for (const name of ['wire', 'disk']) plantTarget(base, home, 'bobby', 'outside', name)

  const server = await startSftpgo(scope)
  const key = await generateKey(scope, await tempDir(scope), 'key', 'ed25519')
  const username = await server.addAccount({ username: 'bob', home, publicKeys: [key.publicKey] })
  const login = { username, privateKeyFile: key.privateKeyFile }
  const before = outsideOf(base)

  const flippers = [
    flipOverSftp(await Attacker.open(scope, server, login, needles), '/wire'),
    await flipOnDisk(join(home, 'disk')),
  ]
  const sessions: Attacker[] = []
  for (let n = 0; n < SESSIONS; n++) sessions.push(await Attacker.open(scope, server, login, needles))
  const names = Object.keys(ATTEMPTED)
  const done = new Set<string>()
  let attempts = 0
  let succeeded = 0
  const start = performance.now()
  const until = start + seconds * 1000
  const strike = async (session: Attacker): Promise<void> => {
    while (performance.now() < until) {
      const n = attempts++
      const name = names[n % names.length] ?? ''
      try {
        await ATTEMPTED[name]?.(session, n)
        succeeded++
        done.add(name)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
      }
    }
  }
  try {
    await Promise.all(sessions.flatMap((session) => Array.from({ length: AT_ONCE }, () => strike(session))))
  } finally {
    await Promise.all(flippers.map((flipper) => flipper.stop()))
  }
  return {
    seconds: (performance.now() - start) / 1000,
    flipsOverSftp: flippers[0]?.flips ?? 0,
    flipsOnDisk: flippers[1]?.flips ?? 0,
    attempts,
    succeeded,
    neverSucceeded: names.filter((name) => !done.has(name)),
    touched: touched(before, outsideOf(base)),
    read: needles.found,
  }
}

function attackReport(result: AttackResult): string[] {
  const { seconds, flipsOverSftp, flipsOnDisk, attempts, succeeded, neverSucceeded } = result
  return [
    `${attempts} attempts in ${seconds.toFixed(1)} s, ${succeeded} of them done inside the home`,
    `against ${flipsOverSftp} flips from another connection and ${flipsOnDisk} on the disk`,
    ...(neverSucceeded.length > 0 ? [`never done: ${neverSucceeded.join(', ')}`] : []),
    `escapes: ${result.touched.length} touched, ${result.read} read`,
    ...result.touched.map((path) => `touched: ${path}`),
  ]
}

/** Every attempt in both directories. */
const ATTEMPTED: Readonly<Record<string, (session: Attacker, n: number) => Promise<unknown>>> = Object.fromEntries(
  Object.entries(ATTEMPTS).flatMap(([name, attempt]) =>
    ['wire', 'disk'].map((where) => [
      `${name} (${where})`,
      (session: Attacker, n: number) => attempt(session, `/${where}`, n),
    ]),
  ),
)

/** All but the home; the directory that holds them is told by its names, as work in the home leaves it alone. */
function outsideOf(base: string): Record<string, string> {
  return {
    ...stateOf(join(base, 'outside')),
    ...stateOf(join(base, 'bobby')),
    [base]: fs.readdirSync(base).join(' '),
  }
}
