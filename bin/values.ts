import { parseBoolean, parseInteger } from '../lib/config/text.ts'
import type { Flag } from './flags.ts'
import { UsageError } from './spelling.ts'

/** What sade hands to an action: texts only, a list where a flag was repeated. */
export type Given = Readonly<Record<string, string | string[] | undefined>>

type NameOf<F extends Flag, K extends Flag['kind']> = Extract<F, { kind: K }>['name']

/** Reads the values of one command's flags: flag before environment before fallback. */
export interface Values<F extends Flag> {
  /** @throws UsageError naming the flag or variable whose text is not allowed. */
  text(name: NameOf<F, 'text'>): string
  /** @throws UsageError naming the flag or variable whose text is not a number in range. */
  integer(name: NameOf<F, 'integer'>): number
  /** @throws UsageError naming the flag or variable whose text is neither true nor false. */
  boolean(name: NameOf<F, 'boolean'>): boolean
  /** @throws UsageError naming the flag or variable with an item that is not allowed. */
  list(name: NameOf<F, 'list' | 'words'>): string[]
  /** Whether there is a value beside the fallback. */
  given(name: F['name']): boolean
}

export function valuesOf<F extends Flag>(flags: readonly F[], given: Given, env: NodeJS.ProcessEnv): Values<F> {
  const find = (name: string) => {
    const flag = flags.find((candidate) => candidate.name === name)
    if (flag === undefined) throw new Error(`no flag ${name}`)
    const typed = given[name]
    if (typed !== undefined) return { flag, source: `--${name}`, texts: [typed].flat(), isGiven: true }
    const inherited = flag.variable === undefined ? undefined : env[flag.variable]
    const texts = [inherited ?? flag.fallback]
    return { flag, source: flag.variable ?? `--${name}`, texts, isGiven: inherited !== undefined }
  }
  const checked = (text: string, flag: Flag, source: string) => {
    if (flag.choices !== undefined && !flag.choices.includes(text))
      throw new UsageError(`invalid value "${text}" for ${source}: allowed is ${flag.choices.join(', ')}`)
    return text
  }
  // Of a flag that takes one value the last one given counts.
  const last = (name: string) => {
    const { texts, ...rest } = find(name)
    return { ...rest, text: texts.at(-1) ?? '' }
  }
  return {
    text(name) {
      const { flag, source, text, isGiven } = last(name)
      return isGiven ? checked(text, flag, source) : text
    },
    integer(name) {
      const { flag, source, text } = last(name)
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = flag
      const value = parseInteger(text)
      if (value === undefined || value < min || value > max)
        throw new UsageError(`invalid value "${text}" for ${source}: a whole number from ${min} to ${max} is allowed`)
      return value
    },
    boolean(name) {
      const { source, text } = last(name)
      const value = parseBoolean(text)
      if (value === undefined) throw new UsageError(`invalid value "${text}" for ${source}: true or false is allowed`)
      return value
    },
    list(name) {
      const { flag, source, texts, isGiven } = find(name)
      if (flag.kind === 'words') return isGiven ? texts.map((text) => checked(text, flag, source)) : []
      return texts.flatMap(splitList).map((text) => checked(text, flag, source))
    },
    given: (name) => find(name).isGiven,
  }
}

const ITEM = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y

/** Comma separated items; one in double quotes may hold commas, and its quotes are doubled. */
function splitList(text: string): string[] {
  const items: string[] = []
  if (text === '') return items
  ITEM.lastIndex = 0
  for (let match = ITEM.exec(text); match !== null; match = ITEM.exec(text)) {
    items.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '') break
  }
  return items
}
