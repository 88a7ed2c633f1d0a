import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'

/** In every name and in the contents of everything that must never be reached. */
export const CANARY = 'CANARY'
/** An owner that nobody has and whose four bytes are unlikely to be sent by chance. */
const CANARY_ID = 0x5ec2_e7ca
/** Before everything else: with relatime a first look at an older time of access sets a new one. */
const LONG_AGO = 1000

/** Makes a tree that must never be reached. @returns what a reply that tells of it would hold, in any encoding. */
export function plantCanaries(dir: string): Buffer[] {
  fs.mkdirSync(join(dir, 'below'), { recursive: true })
  fs.mkdirSync(join(dir, 'empty'))
  for (const name of ['secret', 'victim', `${CANARY}-name`, `below/${CANARY}-below`]) {
    fs.writeFileSync(join(dir, name), CANARY)
  }
  fs.symlinkSync(CANARY, join(dir, 'link'))
  const isRoot = process.getuid?.() === 0
  for (const path of everything(dir)) {
    if (isRoot) fs.lchownSync(path, CANARY_ID, CANARY_ID)
    fs.lutimesSync(path, LONG_AGO, LONG_AGO)
  }
  const id = Buffer.alloc(4)
  id.writeUInt32BE(CANARY_ID)
  return [Buffer.from(CANARY), createHash('md5').update(CANARY).digest(), ...(isRoot ? [id] : [])]
}

/** All there is to see of a tree, times of access and of change included: equal before and after when nobody was there. */
export function stateOf(dir: string): Record<string, string> {
  // Looking at names and contents is access, too: times first.
  const looks = everything(dir).map((path) => [path, fs.lstatSync(path)] as const)
  return Object.fromEntries(
    looks.map(([path, stats]) => {
      const { mode, uid, gid, nlink, size, atimeMs, mtimeMs, ctimeMs } = stats
      return [path, JSON.stringify({ mode, uid, gid, nlink, size, atimeMs, mtimeMs, ctimeMs })]
    }),
  )
}

/** What differs between two states. */
export function touched(before: Record<string, string>, after: Record<string, string>): string[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...paths].filter((path) => before[path] !== after[path])
}

/** Finds what must not come in a stream, wherever it is cut. */
export class Needles {
  found = 0
  readonly #needles: readonly Buffer[]
  readonly #overlap: number
  #tail = Buffer.alloc(0)

  constructor(needles: readonly Buffer[]) {
    this.#needles = needles
    this.#overlap = Math.max(...needles.map(({ length }) => length)) - 1
  }

  look(chunk: Buffer): void {
    const text = Buffer.concat([this.#tail, chunk])
    for (const needle of this.#needles) {
      // One that lies in the tail altogether was counted before.
      const from = Math.max(0, this.#tail.length - needle.length + 1)
      for (let at = text.indexOf(needle, from); at !== -1; at = text.indexOf(needle, at + 1)) this.found++
    }
    this.#tail = Buffer.from(text.subarray(Math.max(0, text.length - this.#overlap)))
  }
}

function everything(dir: string): string[] {
  const names = fs.readdirSync(dir, { withFileTypes: true })
  return [
    dir,
    ...names.flatMap((entry) => {
      const path = join(dir, entry.name)
      return entry.isDirectory() ? everything(path) : [path]
    }),
  ].toSorted()
}
