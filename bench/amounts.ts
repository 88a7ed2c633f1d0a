import { parseArgs } from 'node:util'

import { positiveInteger } from '../conformance/options.ts'

export interface Amount {
  /** Without its dashes. */
  flag: string
  /** What stands for its value in the usage. */
  unit: string
  initial: number
  about: string
}

type Table = Readonly<Record<string, Amount>>
export type AmountsOf<T extends Table> = Record<keyof T, number> & { help: boolean }

export interface Amounts<T extends Table> {
  usage: string
  /** @throws with a sentence for the user when an argument is unknown or wrong. */
  parse(args: readonly string[]): AmountsOf<T>
}

/** The options of a benchmark that takes nothing but whole numbers above 0; a row is an option. */
export function amounts<const T extends Table>(benchmark: string, table: T): Amounts<T> {
  const rows: Amount[] = Object.values(table)
  const heads = [...rows.map(({ flag, unit }) => `--${flag} ${unit}`), '--help']
  const width = Math.max(...heads.map((head) => head.length)) + 2
  const abouts = [...rows.map(({ about, initial }) => `${about} (${initial})`), 'prints this']
  const lines = heads.map((head, at) => `  ${head.padEnd(width)}${abouts[at]}`)
  return {
    usage: `usage: npm run bench -- ${benchmark} [options]\n\n${lines.join('\n')}`,
    parse(args) {
      const text = { type: 'string' } as const
      const options = Object.fromEntries(rows.map(({ flag }) => [flag, text]))
      const { values } = parseArgs({
        args: [...args],
        options: { ...options, help: { type: 'boolean', default: false } },
      })
      const given: Readonly<Record<string, string | boolean | undefined>> = values
      const read = ({ flag, initial }: Amount): number => {
        const value = given[flag]
        return typeof value === 'string' ? positiveInteger(`--${flag}`, value) : initial
      }
      const numbers = Object.fromEntries(Object.entries<Amount>(table).map(([name, row]) => [name, read(row)]))
      return { ...numbers, help: values.help } as AmountsOf<T>
    },
  }
}
