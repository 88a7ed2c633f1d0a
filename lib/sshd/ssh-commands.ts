import { BadCommand, splitWords } from '../../protocol/exec/words.ts'
import type { Word } from '../../protocol/exec/words.ts'
import { virtualPath } from '../../protocol/filesystem.ts'
import { SSH_COMMANDS } from '../config/schema.ts'

export type SshCommandName = (typeof SSH_COMMANDS)[number]

/** What a client asks to run, understood and allowed; its arguments are not judged yet. */
export interface SshCommand {
  name: SshCommandName
  /** As it was sent, for people. */
  line: string
  /** The words behind the name. */
  words: Word[]
}

export interface CommandSettings {
  /** `*` means all of them. */
  enabled_ssh_commands: readonly (SshCommandName | '*')[]
  /** Deprecated: `scp` besides. */
  enable_scp: boolean
}

/** @throws Error of one line for a name that is no command's; `*` stays as it is. */
export function sshCommandNames(names: readonly string[]): (SshCommandName | '*')[] {
  return names.map((name) => {
    const known = [...SSH_COMMANDS, '*' as const].find((one) => one === name)
    if (known !== undefined) return known
    throw new Error(`SSH command ${JSON.stringify(name)}: allowed are ${SSH_COMMANDS.join(', ')} and *`)
  })
}

export function enabledCommands(settings: CommandSettings): ReadonlySet<SshCommandName> {
  const enabled = settings.enabled_ssh_commands.flatMap((name) => (name === '*' ? SSH_COMMANDS : [name]))
  return new Set(settings.enable_scp ? [...enabled, 'scp'] : enabled)
}

/**
 * Nothing of the line ever reaches a shell or a program of the host.
 * @throws BadCommand that says why it is refused.
 */
export function requestedCommand(line: string, settings: CommandSettings): SshCommand {
  // The transport decodes the line, and puts this where the bytes are no text: the name meant is lost then.
  if (line.includes('\ufffd')) throw new BadCommand('the command line is not UTF-8')
  const [first, ...words] = splitWords(Buffer.from(line).toString('latin1'))
  const name = SSH_COMMANDS.find((one) => one === first?.text)
  if (name === undefined) throw new BadCommand('there is no such command')
  if (!enabledCommands(settings).has(name)) throw new BadCommand(`${name} is not enabled`)
  return { name, line, words }
}

/** The path that a command is about, as the client sees it, for the log; `''` without one. */
export function pathOf({ words }: SshCommand): string {
  const last = words.at(-1)?.text
  try {
    return last === undefined ? '' : Buffer.from(virtualPath(last), 'latin1').toString('utf8')
  } catch {
    return ''
  }
}
