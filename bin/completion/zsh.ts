import type { Argument } from '../commands.ts'
import type { Flag } from '../flags.ts'
import type { Place } from './places.ts'
import { places, plainChoices, quoted, takesValue } from './places.ts'

/** For a folder of `$fpath`, under the name `_sftpgo`; sourced after compinit it works as well. */
export function zshCompletion(): string {
  const all = places()
  const [beginning] = all
  const functions = all.filter(({ command }) => command !== '').map(functionOf)
  return `#compdef sftpgo

${functions.join('\n\n')}

${beginning === undefined ? '' : functionOf(beginning)}

if [ "$funcstack[1]" = _sftpgo ]; then
  _sftpgo "$@"
else
  compdef _sftpgo sftpgo
fi
`
}

function nameOf(command: string): string {
  return ['_sftpgo', ...command.split(' ').filter((word) => word !== '')].join('_').replaceAll('-', '_')
}

function functionOf({ command, next, flags, args }: Place): string {
  const specs = flags.map(flagSpec)
  if (next.length === 0) {
    return `${nameOf(command)}() {\n  _arguments -s -S${lines([...specs, ...args.flatMap(argumentSpec)])}\n}`
  }
  const descriptions = next.map(({ word, summary }) => quoted(`${word.replaceAll(':', String.raw`\:`)}:${summary}`))
  // The argument of help leads nowhere.
  const further =
    command === 'help'
      ? ''
      : `
  case $state in
    next) _describe -t commands command next ;;
    rest)
      case $words[1] in
${next.map(({ word }) => `        ${word}) ${nameOf(`${command} ${word}`)} ;;`).join('\n')}
      esac ;;
  esac`
  const state = command === 'help' ? [`'1: :->next'`] : [`'(-)1: :->next'`, `'(-)*:: :->rest'`]
  return `${nameOf(command)}() {
  local curcontext=$curcontext state line
  local -a next=(${lines(descriptions, '    ', '')}
  )
  _arguments -s -S -C${lines([...specs, ...state])}${further === '' ? `\n  [[ $state == next ]] && _describe -t commands command next` : further}
}`
}

function lines(items: readonly string[], indent = '    ', continued = ' \\'): string {
  return items.map((item) => `${continued}\n${indent}${item}`).join('')
}

function flagSpec(flag: Flag): string {
  const { name, short, help } = flag
  const value = takesValue(flag) ? `:${escaped(name)}:${valueAction(flag)}` : ''
  const [plus, equals] = takesValue(flag) ? ['+', '='] : ['', '']
  const text = quoted(`[${escaped(help)}]${value}`)
  const many = flag.kind === 'words' || flag.kind === 'list'
  if (short === undefined) return `${many ? `'*'` : ''}--${name}${equals}${text}`
  const exclusion = many ? `'*'` : `'(-${short} --${name})'`
  return `${exclusion}{-${short}${plus},--${name}${equals}}${text}`
}

/** None for a free text: with one, zsh would offer no flags before it is there. */
function argumentSpec(argument: Argument, at: number): string[] {
  const { name, optional } = argument
  const action = valueAction(argument)
  return action === '' ? [] : [quoted(`${at + 1}:${optional === true ? ':' : ''}${escaped(name)}:${action}`)]
}

function valueAction(described: Pick<Flag, 'choices' | 'completes'>): string {
  const choices = plainChoices(described)
  if (choices.length > 0) return `(${choices.join(' ')})`
  if (described.completes === 'directory') return '_directories'
  return described.completes === 'file' ? '_files' : ''
}

function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, String.raw`\$&`)
}
