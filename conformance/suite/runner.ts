import { randomBytes } from 'node:crypto'

import { Client } from './client.ts'
import { Context } from './context.ts'
import { describeFully } from './expected.ts'
import { CaseFailure, NotOffered } from './failure.ts'
import { Housekeeper } from './housekeeper.ts'
import type { Case } from './case.ts'
import type { CaseResult } from './results.ts'
import type { Target } from './target.ts'
import { within } from './time.ts'

/** Many requests, each with its own limit, and a hang may be among them. */
const CASE_WITHIN_MS = 60_000

/** Runs cases over one server; each in a fresh session and a fresh directory, made and removed over the wire. */
export class Runner {
  readonly #target: Target
  readonly #housekeeper: Housekeeper
  readonly #base: string
  #cases = 0

  private constructor(target: Target, housekeeper: Housekeeper, base: string) {
    this.#target = target
    this.#housekeeper = housekeeper
    this.#base = base
  }

  /** @throws when the server cannot be reached, or lets no directory be made where sessions start. */
  static async start(target: Target): Promise<Runner> {
    const housekeeper = await Housekeeper.start(target)
    const home = housekeeper.home === '/' ? '' : housekeeper.home
    const base = `${home}/sftp-conformance-${randomBytes(6).toString('hex')}`
    await housekeeper.makeDirectory(base)
    return new Runner(target, housekeeper, base)
  }

  async run(one: Case, group: string): Promise<CaseResult> {
    const start = performance.now()
    const observed: string[] = []
    const judged = await this.#judge(one, observed)
    const milliseconds = Math.round(performance.now() - start)
    const { name, section, note } = one
    return { name, group, section, ...(note !== undefined && { note }), observed, milliseconds, ...judged }
  }

  async close(): Promise<void> {
    await this.#housekeeper.removeTree(this.#base)
    await this.#housekeeper.close()
  }

  async #judge(one: Case, observed: string[]): Promise<Pick<CaseResult, 'verdict' | 'expected' | 'came' | 'reason'>> {
    const { extensions } = this.#housekeeper
    const missing = one.needs?.find((name) => !extensions.has(name))
    if (missing !== undefined) return { verdict: 'not offered', reason: `VERSION does not announce ${missing}` }
    const dir = `${this.#base}/${(this.#cases++).toString().padStart(4, '0')}`
    try {
      await this.#housekeeper.makeDirectory(dir)
      await this.#inSession(one, dir, observed)
      return { verdict: 'ok' }
    } catch (error) {
      if (error instanceof NotOffered) return { verdict: 'not offered', reason: error.message }
      if (error instanceof CaseFailure) return { verdict: 'failed', expected: error.expected, came: error.came }
      return { verdict: 'failed', expected: 'the case can be run', came: String(error) }
    } finally {
      await this.#housekeeper.removeTree(dir)
    }
  }

  async #inSession(one: Case, dir: string, observed: string[]): Promise<void> {
    const client = await Client.connect(this.#target)
    const { home, extensions } = this.#housekeeper
    const context = new Context({ target: this.#target, client, dir, home, extensions, observed })
    try {
      const version = await client.init()
      if (version.kind !== 'version') throw new CaseFailure('VERSION', describeFully(version))
      const work = one.run(context)
      if (!(await within(work, CASE_WITHIN_MS))) {
        work.catch(() => undefined)
        throw new CaseFailure(`the case ends within ${CASE_WITHIN_MS / 1000} s`, 'it was still going on')
      }
    } finally {
      await context.closeSessions()
      await client.close()
    }
  }
}
