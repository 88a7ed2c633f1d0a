import type { Flag } from '../flags.ts'
import type { Place } from './places.ts'
import { places, plainChoices, takesValue } from './places.ts'

/** Works without the bash-completion package, and in the bash 3.2 of macOS. */
export function bashCompletion(): string {
  const all = places()
  return `# bash completion of sftpgo: source it, or put it where bash-completion looks for it.

_sftpgo_reply() {
  local line
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(compgen "$@")
}

_sftpgo() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command='' i
  COMPREPLY=()
  # "=" is a word of its own here.
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
${all.flatMap(stepCases).join('\n')}
    esac
  done
  case "$command $prev" in
${all.flatMap(valueCases).join('\n')}
  esac
  case "$command" in
${all.map(placeCase).join('\n')}
  esac
}

complete -F _sftpgo sftpgo
`
}

function stepCases({ command, next }: Place): string[] {
  if (next.length === 0 || command === 'help') return []
  const patterns = next.map(({ word }) => `'${command} ${word}'`).join(' | ')
  return [`      ${patterns}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;`]
}

function valueCases({ command, flags }: Place): string[] {
  return flags.filter(takesValue).map((flag) => {
    const patterns = [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])]
    const pattern = patterns.map((text) => `'${command} ${text}'`).join(' | ')
    return `    ${pattern}) ${replyTo(flag)}return ;;`
  })
}

/** Files with blanks in their names are told apart from options, which get a blank behind them. */
const FILES = 'compopt -o filenames 2>/dev/null; '

function replyTo(flag: Pick<Flag, 'choices' | 'completes'>): string {
  const choices = plainChoices(flag)
  if (choices.length > 0) return `_sftpgo_reply -W '${choices.join(' ')}' -- "$cur"; `
  if (flag.completes === 'directory') return `${FILES}_sftpgo_reply -d -- "$cur"; `
  return flag.completes === 'file' ? `${FILES}_sftpgo_reply -f -- "$cur"; ` : ''
}

function placeCase({ command, next, flags, args }: Place): string {
  const options = flags.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])])
  const words = [...next.map(({ word }) => word), ...args.flatMap(plainChoices)]
  const lines = [
    `    '${command}')`,
    `      if [[ $cur == -* ]]; then`,
    `        _sftpgo_reply -W '${options.join(' ')}' -- "$cur"`,
    ...(words.length === 0 && !args.some(({ completes }) => completes === 'file')
      ? []
      : [
          '      else',
          ...(words.length === 0 ? [] : [`        _sftpgo_reply -W '${words.join(' ')}' -- "$cur"`]),
          ...(args.some(({ completes }) => completes === 'file')
            ? [`        ${replyTo({ completes: 'file' }).slice(0, -2)}`]
            : []),
        ]),
    '      fi ;;',
  ]
  return lines.join('\n')
}
