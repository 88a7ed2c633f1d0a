import type { Argument } from '../commands.ts'
import type { Flag } from '../flags.ts'
import type { Place } from './places.ts'
import { places, plainChoices, takesValue } from './places.ts'

/** For a file `sftpgo.fish` in a folder of `$fish_complete_path`. */
export function fishCompletion(): string {
  const all = places()
  return `# fish completion of sftpgo.

function __sftpgo_command
    set -l command ''
    for word in (commandline -opc)[2..]
        switch "$command $word"
${all.flatMap(stepCase).join('\n')}
        end
    end
    echo "$command"
end

function __sftpgo_at
    test "$(__sftpgo_command)" = "$argv[1]"
end

complete -c sftpgo -f
${all.flatMap(completionsOf).join('\n')}
`
}

function stepCase({ command, next }: Place): string[] {
  if (next.length === 0 || command === 'help') return []
  const patterns = next.map(({ word }) => `'${command} ${word}'`).join(' ')
  return [`            case ${patterns}`, `                set command (string trim "$command $word")`]
}

function completionsOf({ command, next, flags, args }: Place): string[] {
  const start = `complete -c sftpgo -n ${text(`__sftpgo_at ${text(command)}`)}`
  return [
    ...next.map(({ word, summary }) => `${start} -a ${word} -d ${text(summary)}`),
    ...flags.map((flag) => `${start} ${flagOptions(flag)} -d ${text(flag.help)}`),
    ...args.flatMap((argument) =>
      argumentOptions(argument).map((options) => `${start} ${options} -d ${text(argument.help)}`),
    ),
  ]
}

function flagOptions(flag: Flag): string {
  const names = `${flag.short === undefined ? '' : `-s ${flag.short} `}-l ${flag.name}`
  if (!takesValue(flag)) return names
  const choices = plainChoices(flag)
  if (choices.length > 0) return `${names} -x -a '${choices.join(' ')}'`
  if (flag.completes === 'directory') return `${names} -x -a '(__fish_complete_directories)'`
  return flag.completes === 'file' ? `${names} -r -F` : `${names} -x`
}

function argumentOptions(argument: Argument): string[] {
  const choices = plainChoices(argument)
  if (choices.length > 0) return [`-a '${choices.join(' ')}'`]
  return argument.completes === 'file' ? ['-F'] : []
}

/** In single quotes, where fish knows two escapes. */
function text(plain: string): string {
  return `'${plain.replace(/['\\]/g, String.raw`\$&`)}'`
}
