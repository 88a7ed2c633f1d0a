import type { Argument } from './commands.ts'
import type { Flag } from './flags.ts'

/** A command line that means nothing; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Spelled {
  /** Help is asked for; nothing else counts then. */
  help: boolean
  /** Each `--name=value`. */
  options: string[]
  /** What is no flag. */
  words: string[]
  /** What was not looked at. */
  rest: string[]
}

/**
 * Rewrites arguments so that each flag is `--name=value`.
 *
 * The parser below sade guesses: it would read `-v` after a command as the program's version, `-l/tmp/log` as eight
 * flags, the word after `--password=` as the password, and `--no-x` as a flag. Spelled out, nothing is left to guess.
 * @param stopAtWord leaves the first word that is no flag, and what follows it, in `rest`.
 * @throws UsageError for an unknown flag and a missing value.
 */
export function spellOut(args: readonly string[], flags: readonly Flag[], stopAtWord = false): Spelled {
  const left = [...args]
  const options: string[] = []
  const words: string[] = []
  const take = (flag: Flag, given: string, attached: string | undefined): void => {
    if (flag.negates !== undefined) {
      if (attached !== undefined) throw new UsageError(`${given} takes no value`)
      options.push(`--${flag.negates}=false`)
      return
    }
    const value = attached ?? (flag.kind === 'boolean' ? 'true' : left.shift())
    if (value === undefined) throw new UsageError(`flag needs an argument: ${given}`)
    options.push(`--${flag.name}=${value}`)
    if (flag.kind !== 'words' || attached !== undefined) return
    while (left[0] !== undefined && !left[0].startsWith('-')) options.push(`--${flag.name}=${left.shift()}`)
  }
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word)
    if (word === '--help') return { help: true, options: [], words: [], rest: [] }
    if (word === '--' && !stopAtWord) return { help: false, options, words: [...words, ...left], rest: [] }
    if (long !== null) {
      const flag = flags.find(({ name }) => name === long[1])
      if (flag === undefined) throw new UsageError(`unknown flag: --${long[1]}`)
      take(flag, `--${flag.name}`, long[2])
    } else if (/^-[^-]/.test(word)) {
      for (let group = word.slice(1); group !== '';) {
        const short = group.charAt(0)
        if (short === 'h') return { help: true, options: [], words: [], rest: [] }
        const flag = flags.find((candidate) => candidate.short === short)
        if (flag === undefined) throw new UsageError(`unknown shorthand flag: '${short}' in ${word}`)
        const rest = group.slice(1)
        // Switches may be run together; whatever follows the letter of another flag is its value.
        const value = rest.startsWith('=') ? rest.slice(1) : flag.kind === 'boolean' || rest === '' ? undefined : rest
        take(flag, `-${short}`, value)
        group = value === undefined ? rest : ''
      }
    } else if (stopAtWord) {
      return { help: false, options, words, rest: [word, ...left] }
    } else words.push(word)
  }
  return { help: false, options, words, rest: [] }
}

/** @throws UsageError for words that are missing, too many or not allowed. */
export function checkWords(command: string, words: readonly string[], args: readonly Argument[]): void {
  const excess = words[args.length]
  if (excess !== undefined) {
    const hint = excess === 'true' || excess === 'false' ? ', a switch is set with "="' : ''
    throw new UsageError(`unexpected argument "${excess}" for "sftpgo ${command}"${hint}`)
  }
  for (const [at, { name, optional, choices }] of args.entries()) {
    const word = words[at]
    if (word === undefined && optional !== true) throw new UsageError(`"sftpgo ${command}" needs <${name}>`)
    if (word !== undefined && choices !== undefined && !choices.includes(word))
      throw new UsageError(`${name} is "${word}", allowed is ${choices.join(', ')}`)
  }
}
