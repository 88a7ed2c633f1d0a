import type { Flag } from './flags.ts'

/** A command line that means nothing; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Rewrites a command's arguments so that each is `--name=value`; a call for help leaves `--help` alone.
 *
 * The parser below sade guesses: it would read `-v` after a command as the program's version, `-l/tmp/log` as eight
 * flags, the word after `--password=` as the password, and `--no-x` as a flag. Spelled out, nothing is left to guess.
 * @throws UsageError for an unknown flag, a missing value and a word that is no flag.
 */
export function spellOut(command: string, args: readonly string[], flags: readonly Flag[]): string[] {
  const left = [...args]
  const result: string[] = []
  const take = (flag: Flag, given: string, attached: string | undefined): void => {
    const value = attached ?? (flag.kind === 'boolean' ? 'true' : left.shift())
    if (value === undefined) throw new UsageError(`flag needs an argument: ${given}`)
    result.push(`--${flag.name}=${value}`)
  }
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word)
    if (word === '--help') return [word]
    if (long !== null) {
      const flag = flags.find(({ name }) => name === long[1])
      if (flag === undefined) throw new UsageError(`unknown flag: --${long[1]}`)
      take(flag, `--${flag.name}`, long[2])
    } else if (/^-[^-]/.test(word)) {
      for (let group = word.slice(1); group !== '';) {
        const short = group.charAt(0)
        if (short === 'h') return ['--help']
        const flag = flags.find((candidate) => candidate.short === short)
        if (flag === undefined) throw new UsageError(`unknown shorthand flag: '${short}' in ${word}`)
        const rest = group.slice(1)
        // Switches may be run together; whatever follows the letter of another flag is its value.
        const value = rest.startsWith('=') ? rest.slice(1) : flag.kind === 'boolean' || rest === '' ? undefined : rest
        take(flag, `-${short}`, value)
        group = value === undefined ? rest : ''
      }
    } else {
      const hint = word === 'true' || word === 'false' ? ', a switch is set with "="' : ''
      throw new UsageError(`unexpected argument "${word}" for "sftpgo ${command}"${hint}`)
    }
  }
  return result
}
