import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Response } from '../../protocol/sftp/packets.ts'
import { tempDir, roomyDir } from '../harness/temp.ts'
import type { Scope } from '../harness/scope.ts'
import { KNOWN_DIFFERENCES } from './differences.ts'
import type { Exchange } from './differences.ts'
import { play } from './play.ts'
import { replyOf } from './reply.ts'
import type { Reply, Window } from './reply.ts'
import type { Operation, Sequence } from './sequence.ts'
import { EngineSide, OpenSshSide } from './sides.ts'
import type { Side } from './sides.ts'
import { makeDirectory, removeTree, treeDifferences, treeOf } from './tree.ts'
import type { Node } from './tree.ts'

/** Every sequence runs this deep, so that links may climb without leaving the root. */
const DEPTH = '/w/w/w/w/w'
/** The servers are new after as many sequences. */
const SEQUENCES_PER_SERVER = 250
/** A sequence takes milliseconds: no answer in this time is a hang. */
const SEQUENCE_TIME_MS = 10_000
/** Clocks of files are coarser than the program's. */
const CLOCK_SECONDS = 2
/** More than all sequences between two clean-ups hold at once. */
const ROOM_BYTES = 256 * 1024 * 1024

/** Plays sequences to both servers and compares. */
export class Judge {
  readonly #openssh: Side
  readonly #engine: Side
  #played = 0
  /** Operations compared. */
  operations = 0
  /** How often each known difference played a part. */
  readonly known = new Map<string, number>()

  private constructor(openssh: Side, engine: Side) {
    this.#openssh = openssh
    this.#engine = engine
  }

  /** @throws when sftp-server is missing. */
  static async start(scope: Scope): Promise<Judge> {
    const base = await tempDir(scope, await roomyDir(ROOM_BYTES))
    const roots = ['openssh', 'engine'].map((name) => join(base, name)) as [string, string]
    for (const root of roots) mkdirSync(root)
    const judge = new Judge(new OpenSshSide(roots[0]), new EngineSide(roots[1]))
    scope.defer(() => judge.#restart())
    return judge
  }

  /** @returns a line for each difference; none when both servers did the same. */
  async judge(sequence: Sequence): Promise<string[]> {
    if (++this.#played % SEQUENCES_PER_SERVER === 0) await this.#restart()
    const top = `s${this.#played}`
    const directory = top + DEPTH
    const sides = [this.#openssh, this.#engine]
    for (const { root } of sides) makeDirectory(root, directory, sequence.planted)
    try {
      const from = Math.floor(Date.now() / 1000) - CLOCK_SECONDS
      const [openssh, engine] = await inTime(
        Promise.all([play(sequence, this.#openssh, directory), play(sequence, this.#engine, directory)]),
      )
      const window = { from, to: Math.ceil(Date.now() / 1000) + CLOCK_SECONDS }
      const { lines, diverged } = this.#compare(sequence, openssh, engine, window)
      if (lines.length > 0 || diverged) return lines
      const tree = ({ root }: Side): Record<string, Node> => treeOf(join(root, top), window)
      return treeDifferences(tree(this.#openssh), tree(this.#engine))
    } catch (error) {
      await this.#restart()
      return [error instanceof Error ? error.message : String(error)]
    } finally {
      for (const { root } of sides) removeTree(join(root, top))
    }
  }

  #compare(
    sequence: Sequence,
    openssh: Response[],
    engine: Response[],
    window: Window,
  ): { lines: string[]; diverged: boolean } {
    const lines: string[] = []
    for (const [index, operation] of sequence.operations.entries()) {
      this.operations++
      const [theirs, ours] = [openssh[index], engine[index]] as [Response, Response]
      const replies: [Reply, Reply] = [
        replyOf(theirs, { asked: operation.kind, root: this.#openssh.root, window }),
        replyOf(ours, { asked: operation.kind, root: '', window }),
      ]
      const engineMessage = ours.kind === 'status' ? ours.message : ''
      const { same, diverged } = this.#same({
        sequence,
        index,
        operation,
        openssh: replies[0],
        engine: replies[1],
        engineMessage,
      })
      if (!same) lines.push(differenceLine(index, operation, replies))
      if (diverged) return { lines, diverged }
    }
    return { lines, diverged: false }
  }

  #same(exchange: Exchange): { same: boolean; diverged: boolean } {
    let openssh = exchange.openssh
    for (const known of KNOWN_DIFFERENCES) {
      const normalised = known.normalise({ ...exchange, openssh })
      if (normalised === undefined || (normalised !== 'diverged' && equal(normalised, openssh))) continue
      this.known.set(known.what, (this.known.get(known.what) ?? 0) + 1)
      if (normalised === 'diverged') return { same: true, diverged: true }
      openssh = normalised
    }
    return { same: equal(openssh, exchange.engine), diverged: false }
  }

  async #restart(): Promise<void> {
    await Promise.all([this.#openssh.restart(), this.#engine.restart()])
  }
}

function equal(a: Reply, b: Reply): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function differenceLine(index: number, operation: Operation, [openssh, engine]: [Reply, Reply]): string {
  return `${index} ${operation.kind}: openssh answered ${JSON.stringify(openssh)}, the engine ${JSON.stringify(engine)}`
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(SEQUENCE_TIME_MS, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`no end after ${SEQUENCE_TIME_MS} ms: a reply is missing`)),
    () => undefined as never,
  )
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
