import { BadCommand } from '../exec/words.ts'
import type { Word } from '../exec/words.ts'

/** What the `scp` of a client asks of the one on the server. */
export interface ScpCommand {
  /** `-t`: the client sends. `-f`: the client fetches. */
  direction: 'upload' | 'download'
  /** `-r`. */
  recursive: boolean
  /** `-p`: modes and times exactly. */
  preserve: boolean
  /** `-d`: the target must be a directory. */
  targetIsDirectory: boolean
  /** One for `-t`, at least one for `-f`. */
  paths: Word[]
}

/**
 * The words behind `scp`. Flags may be clustered, and end at `--` or at the first word that is none.
 * @throws BadCommand for anything scp does not ask of another scp.
 */
export function parseScp(words: readonly Word[]): ScpCommand {
  const flags = new Set<string>()
  let at = 0
  for (; at < words.length; at++) {
    const text = (words[at] as Word).text
    if (text === '--') {
      at++
      break
    }
    if (!text.startsWith('-') || text === '-') break
    for (const flag of text.slice(1)) {
      if (!FLAGS.includes(flag)) throw new BadCommand(`scp: unknown flag -${flag}, allowed are ${ALLOWED}`)
      flags.add(flag)
    }
  }
  const paths = words.slice(at)
  if (flags.has('t') === flags.has('f')) throw new BadCommand('scp: exactly one of -t and -f is needed')
  const direction = flags.has('t') ? 'upload' : 'download'
  if (paths.length === 0) throw new BadCommand('scp: a path is needed')
  if (direction === 'upload' && paths.length > 1) throw new BadCommand('scp: ambiguous target, one path is needed')
  return {
    direction,
    recursive: flags.has('r'),
    preserve: flags.has('p'),
    targetIsDirectory: flags.has('d'),
    paths,
  }
}

/** `-v` and `-q` change nothing here. */
const FLAGS = 'tfrpdvq'
const ALLOWED = FLAGS.replace(/./g, ' -$&').trim()
