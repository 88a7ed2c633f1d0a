import type { Attrs } from '../../protocol/sftp/attrs.ts'

/** What a name stands for. Contents and link texts hold one character a byte. */
export type Node = { file: string; attrs?: Attrs } | { link: string } | 'directory' | 'missing'

/** By name, relative to the case's directory; what is in a directory comes after it. */
export type Tree = Readonly<Record<string, Node>>

/** Compares as text, and reads well in a report. */
export function nodeText(node: Node): string {
  if (typeof node === 'string') return node
  if ('link' in node) return `a link to ${JSON.stringify(node.link)}`
  return `a file with ${node.file.length > 40 ? `${node.file.length} bytes` : JSON.stringify(node.file)}`
}

export function sameNode(a: Node, b: Node): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b
  if ('link' in a) return 'link' in b && a.link === b.link
  return 'file' in b && a.file === b.file
}

/** Bytes that differ from place to place, so that a shifted or swapped block shows. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = (seed * 2654435761) >>> 0
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}
