import fs from 'node:fs'
import { join } from 'node:path'

import { withoutSetuid } from './differences.ts'
import { digest, timeText } from './reply.ts'
import type { Facts, Window } from './reply.ts'
import { PLANTED } from './sequence.ts'

/** All that must be alike on the disk. */
export interface Node extends Facts {
  /** Contents or a link's text. */
  holds: string
  links: number
  /** The first name of the same file. */
  same: string
}

/** Everything below a directory, and itself as ``, by name in order; one character a byte. */
export function treeOf(directory: string, window: Window): Record<string, Node> {
  const found: Record<string, Node> = {}
  const firstNames = new Map<number, string>()
  const visit = (name: string): void => {
    const at = bytes(join(directory, name))
    const stats = fs.lstatSync(at)
    const first = firstNames.get(stats.ino) ?? name
    firstNames.set(stats.ino, first)
    found[name] = withoutSetuid({
      size: String(stats.size),
      owner: `${stats.uid}:${stats.gid}`,
      mode: stats.mode.toString(8),
      atime: stats.isSymbolicLink() ? '' : timeText(Math.floor(stats.atimeMs / 1000), window),
      mtime: timeText(Math.floor(stats.mtimeMs / 1000), window),
      holds: stats.isSymbolicLink() ? fs.readlinkSync(at, 'latin1') : stats.isFile() ? contents(at, stats.mode) : '',
      links: stats.nlink,
      same: first,
    })
    if (!stats.isDirectory()) return
    if ((stats.mode & 0o500) !== 0o500) fs.chmodSync(at, 0o700)
    for (const child of fs.readdirSync(at, { encoding: 'latin1' }).toSorted()) visit(join(name, child))
  }
  visit('')
  return found
}

/** @returns a line for each name that is not alike. */
export function treeDifferences(openssh: Record<string, Node>, engine: Record<string, Node>): string[] {
  const names = [...new Set([...Object.keys(openssh), ...Object.keys(engine)])].toSorted()
  return names.flatMap((name) => {
    const [theirs, ours] = [openssh[name], engine[name]].map((node) =>
      node === undefined ? 'nothing' : JSON.stringify(node),
    )
    return theirs === ours ? [] : [`${JSON.stringify(name)}: openssh has ${theirs}, the engine ${ours}`]
  })
}

/** Makes the directory in which a sequence runs, with its ancestors below `root`. */
export function makeDirectory(root: string, directory: string, planted: boolean): void {
  const base = join(root, directory)
  fs.mkdirSync(base, { recursive: true })
  if (!planted) return
  for (const [name, what] of Object.entries(PLANTED)) {
    if (what === 'directory') fs.mkdirSync(join(base, name))
    else if ('link' in what) fs.symlinkSync(what.link, join(base, name))
    else fs.writeFileSync(join(base, name), what.file)
  }
}

/** Removes a directory whatever modes are in it. */
export function removeTree(path: string): void {
  const visit = (at: string): void => {
    if (!fs.lstatSync(bytes(at)).isDirectory()) {
      fs.unlinkSync(bytes(at))
      return
    }
    fs.chmodSync(bytes(at), 0o700)
    for (const child of fs.readdirSync(bytes(at), { encoding: 'latin1' })) visit(join(at, child))
    fs.rmdirSync(bytes(at))
  }
  visit(path)
}

function contents(at: Buffer, mode: number): string {
  if ((mode & 0o400) === 0) fs.chmodSync(at, 0o600)
  return digest(fs.readFileSync(at))
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1')
}
