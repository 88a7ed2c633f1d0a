import { afterAll, beforeAll, expect, test } from 'vitest'

import { SSH_FXP, SSH_FX } from '../../protocol/sftp/constants.ts'
import { Deframer } from '../../protocol/sftp/deframer.ts'
import { frame } from '../../protocol/sftp/codec.ts'
import { GROUPS } from './cases/index.ts'
import { Runner } from './runner.ts'
import { openTarget } from './target.ts'
import type { Receiver, Target, Wire } from './target.ts'

/** The suite judges servers; here servers that are wrong in one way judge the suite. */

type Fault = (packet: Buffer) => Buffer

/** Passes every packet of the engine through `fault`. */
class FaultyTarget implements Target {
  readonly name = 'faulty'
  readonly username: string
  readonly served: string
  readonly #inner: Target
  readonly #fault: Fault
  /** Faults begin with the sessions of cases: the housekeeper's is the first. */
  #sessions = 0

  constructor(inner: Target, fault: Fault) {
    this.#inner = inner
    this.#fault = fault
    this.username = inner.username
    this.served = inner.served ?? ''
  }

  connect(receiver: Receiver): Promise<Wire> {
    if (this.#sessions++ === 0) return this.#inner.connect(receiver)
    const deframer = new Deframer(1024 * 1024)
    return this.#inner.connect({
      data: (chunk) => {
        for (const { head, tail } of deframer.push(chunk)) {
          receiver.data(frame(this.#fault(Buffer.concat([head, ...tail]))))
        }
      },
      ended: () => receiver.ended(),
    })
  }

  async close(): Promise<void> {
    // The engine is closed by who opened it.
  }
}

let engine: Target

beforeAll(async () => {
  engine = await openTarget({ kind: 'self' })
})

afterAll(() => engine.close())

async function failed(fault: Fault, groups: readonly string[]): Promise<string[]> {
  const runner = await Runner.start(new FaultyTarget(engine, fault))
  const names: string[] = []
  for (const { title, cases } of GROUPS.filter((group) => groups.includes(group.title))) {
    for (const one of cases) {
      const { verdict } = await runner.run(one, title)
      if (verdict === 'failed') names.push(one.name)
    }
  }
  await runner.close()
  return names
}

function namesIn(groups: readonly string[], pattern: RegExp): string[] {
  const cases = GROUPS.filter(({ title }) => groups.includes(title)).flatMap((group) => group.cases)
  return cases.map(({ name }) => name).filter((name) => pattern.test(name))
}

const REFUSING = [
  'paths that cannot be right',
  'handles',
  'RENAME and posix-rename',
  'links',
  'STAT, MKDIR, RMDIR, REMOVE',
]

/** The engine with another code wherever it refuses. */
function refusesWith(code: number): Fault {
  return (packet) => {
    if (packet[0] !== SSH_FXP.STATUS || packet.readUInt32BE(5) <= SSH_FX.EOF) return packet
    const changed = Buffer.from(packet)
    changed.writeUInt32BE(code, 5)
    return changed
  }
}

test('a server that says OK where it refuses fails every case about a refusal', { timeout: 60_000 }, async () => {
  const lies = await failed(refusesWith(SSH_FX.OK), REFUSING)
  expect(namesIn(REFUSING, /is refused/).filter((name) => !lies.includes(name))).toEqual([])
})

test(
  'a server that refuses with a code that makes no sense fails every case that names codes',
  { timeout: 60_000 },
  async () => {
    const wrong = await failed(refusesWith(SSH_FX.NO_CONNECTION), REFUSING)
    const missed = namesIn(REFUSING, /is refused/).filter((name) => !wrong.includes(name))
    // Any refusal is right where the draft has no code and servers have many.
    expect(missed.filter((name) => !/through a handle that only/.test(name))).toEqual([])
  },
)

test('a server that changes one byte of what is read fails every case that reads', { timeout: 60_000 }, async () => {
  const groups = ['READ and WRITE', 'copy-data', 'pipelining']
  const wrong = await failed((packet) => {
    if (packet[0] !== SSH_FXP.DATA || packet.length < 10) return packet
    const changed = Buffer.from(packet)
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    return changed
  }, groups)
  const silent = /RENAMEs|OPENs|STAT|READDIR|of no bytes|empty file|is refused|copies nothing|to offset|sparse/
  expect(namesIn(groups, /./).filter((name) => !wrong.includes(name) && !silent.test(name))).toEqual([])
})
