import { READ, variableOf } from './environment.ts'
import { Lines } from './format.ts'
import type { Parsed } from './format.ts'
import { configSchema } from './schema.ts'
import { SyntaxProblem } from './syntax-error.ts'
import { leavesOf } from './tree.ts'

/** One assignment of a format that knows only texts: `sftpd.bind_port` = `2022`. */
export interface Entry {
  key: string
  text: string
  line: number
}

interface Tree {
  [key: string]: unknown
}

/**
 * The settings that dotted keys name, read as the environment's are: lists by commas, host keys by their paths.
 * @throws SyntaxProblem for a key that is given twice, or as a setting and as a section.
 */
export function nested(entries: readonly Entry[]): Parsed {
  const leaves = leavesOf(configSchema).flatMap((leaf) => [
    [leaf.path.join('.'), leaf] as const,
    [variableOf(leaf.path).toLowerCase(), leaf] as const,
  ])
  const byName = new Map(leaves)
  const content: Tree = emptyTree()
  const lines = new Lines()
  for (const { key, text, line } of entries) {
    const leaf = byName.get(key.toLowerCase())
    const path = leaf?.path ?? partsOf(key)
    let node = content
    for (const part of path.slice(0, -1)) {
      const child = (node[part] ??= emptyTree())
      if (!isTree(child)) throw new SyntaxProblem('a setting where no other one is its section', line, 1)
      node = child
    }
    const last = path.at(-1) ?? ''
    // An unknown one is reported later, with the one that was meant.
    if (last in node) throw new SyntaxProblem('a key that was not given before', line, 1)
    node[last] = leaf === undefined ? text : READ[leaf.kind](text)
    lines.add(path, line)
  }
  return { content, lineOf: async (path) => lines.find(path) }
}

/** Sections in their own spelling, so that those of several keys are one. */
function partsOf(key: string): string[] {
  const parts = key.split('.')
  return parts.map((part, index) => (index < parts.length - 1 ? part.toLowerCase() : part))
}

/** Without a prototype no key is special. */
const emptyTree = (): Tree => Object.create(null) as Tree

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
