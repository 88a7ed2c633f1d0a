import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS, GROUPS } from '../commands.ts'
import { COMPLETIONS } from './completion.ts'
import { places } from './places.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sftpgo-completion-'))
  mkdirSync(join(folder, 'here', 'a folder'), { recursive: true })
  writeFileSync(join(folder, 'here', 'a file'), '')
  for (const [name, script] of COMPLETIONS) writeFileSync(join(folder, name), script())
})
afterAll(() => rmSync(folder, { recursive: true }))

function shell(program: string, args: readonly string[]): string[] {
  const env = { PATH: process.env['PATH'], HOME: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8' }
  const printed = execFileSync(program, args, { cwd: join(folder, 'here'), env, encoding: 'utf8' })
  return printed.split('\n').filter((line) => line !== '')
}

/** What bash offers for the last of the words. */
function bash(...words: string[]): string[] {
  const script =
    'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sftpgo; printf "%s\\n" "${COMPREPLY[@]}"'
  return shell('bash', ['--norc', '-c', script, 'bash', join(folder, 'bash'), 'sftpgo', ...words])
}

/** What fish offers at the end of the line, without the descriptions. */
function fish(line: string): string[] {
  const script = 'source $argv[1]; complete -C $argv[2]'
  const lines = shell('fish', ['--no-config', '-c', script, join(folder, 'fish'), line])
  return lines.map((one) => one.split('\t')[0] ?? '').toSorted()
}

/** The lines as they are after a tab at their end, in a terminal of zsh's own. */
function zsh(lines: readonly string[]): string[] {
  const script = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "PS1='% '; autoload -Uz compinit && compinit -u -D; source $1"
    # What is asked for is shown instead of run; the first line of output is not the echo of the command.
    zpty -w shell 'show() { print -r -- "<<$BUFFER>>"; BUFFER= }; zle -N show; bindkey "^X" show; print RE''ADY'
    zpty -r shell out '*READY*'
    shift
    for line; do
      zpty -n -w shell "$line"$'\\t\\C-x'
      zpty -r shell out '*>>*'
      print -r -- "$out"
    done
    zpty -d shell`
  const printed = shell('zsh', ['-f', '-c', script, 'zsh', join(folder, 'zsh'), ...lines])
  return [...printed.join('\n').matchAll(/<<(.*?)>>/g)].map(([, line = '']) => line)
}

test('there is a script for each shell that may be asked for, and no other', () => {
  expect([...COMPLETIONS.keys()]).toEqual(COMMANDS.completion.args[0].choices)
})

test('each command and each group is a place, with its flags', () => {
  const found = places().map(({ command }) => command)
  expect(found).toEqual(expect.arrayContaining(['', 'api', ...Object.keys(COMMANDS)]))
  for (const { flags } of places()) expect(flags.map(({ name }) => name)).toContain('help')
})

describe('bash', () => {
  test('has a script without a fault', () => {
    expect(shell('bash', ['-n', join(folder, 'bash')])).toEqual([])
  })

  test.each<[words: string[], offered: string[]]>([
    [['serv'], ['serve', 'service']],
    [
      ['service', 'st'],
      ['start', 'stop', 'status'],
    ],
    [['h'], ['help', 'healthcheck']],
    [['--v'], ['--version']],
    [['help', 'init'], ['initprovider']],
    [['api', 'get-b'], ['get-bans']],
    [
      ['api', '-b', 'http://x', 'get-u'],
      ['get-users', 'get-user-by-id'],
    ],
    [['api', '--base'], ['--base-url']],
    [['api', 'add-user', '--sub'], ['--subdirs-permissions']],
    [['api', 'add-user', 'alice', '--up'], ['--upload-bandwidth']],
    [
      ['api', 'add-user', '-G', 'create_'],
      ['create_dirs', 'create_symlinks'],
    ],
    [
      ['api', 'get-users', '--order', '='],
      ['ASC', 'DESC'],
    ],
    [['api', 'get-users', '--order', '=', 'D'], ['DESC']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['serve', '--config-dir', 'a'], ['a folder']],
    [['serve', '--log-max-size', ''], []],
    [
      ['api', 'loaddata', 'a f'],
      ['a file', 'a folder'],
    ],
    [['api', 'convert-users', 'x', 'pure'], ['pure-ftpd']],
    [
      ['nonsense', ''],
      Object.keys(COMMANDS)
        .filter((name) => !name.includes(' '))
        .concat(Object.keys(GROUPS)),
    ],
  ])('%j is offered %j', (words, offered) => expect(bash(...words).toSorted()).toEqual(offered.toSorted()))

  test('every flag of every command', () => {
    for (const { command, flags } of places()) {
      const offered = bash(...command.split(' ').filter(Boolean), '-')
      for (const { name, short } of flags) {
        expect(offered).toContain(`--${name}`)
        if (short !== undefined) expect(offered).toContain(`-${short}`)
      }
    }
  }, 60_000)
})

describe('fish', () => {
  test('has a script without a fault', () => {
    expect(shell('fish', ['--no-config', '-n', join(folder, 'fish')])).toEqual([])
  })

  test.each([
    ['sftpgo serv', ['serve', 'service']],
    ['sftpgo api get-b', ['get-bans']],
    ['sftpgo api -b http://x get-us', ['get-user-by-id', 'get-users']],
    ['sftpgo api --base', ['--base-url']],
    ['sftpgo api add-user --sub', ['--subdirs-permissions']],
    ['sftpgo api add-user -G create_', ['create_dirs', 'create_symlinks']],
    ['sftpgo api get-users --order=', ['--order=ASC', '--order=DESC']],
    ['sftpgo completion ', ['bash', 'fish', 'zsh']],
    ['sftpgo serve --config-dir a', ['a folder/']],
    ['sftpgo api loaddata ', ['a file', 'a folder/']],
    ['sftpgo serve ', []],
  ])('%j is offered %j', (line, offered) => expect(fish(line)).toEqual(offered))
})

describe('zsh', () => {
  test('has a script without a fault', () => {
    expect(shell('zsh', ['-f', '-n', join(folder, 'zsh')])).toEqual([])
  })

  test('completes commands, flags, values and folders', () => {
    const lines = {
      'sftpgo servi': 'sftpgo service ',
      'sftpgo api get-b': 'sftpgo api get-bans ',
      'sftpgo api -b http://x get-b': 'sftpgo api -b http://x get-bans ',
      'sftpgo api --base': 'sftpgo api --base-url=',
      'sftpgo api add-user --sub': 'sftpgo api add-user --subdirs-permissions=',
      'sftpgo api add-user -G over': 'sftpgo api add-user -G overwrite ',
      'sftpgo serve --config-dir a': String.raw`sftpgo serve --config-dir a\ folder/`,
      'sftpgo api loaddata --tim': 'sftpgo api loaddata --timeout=',
      'sftpgo completion f': 'sftpgo completion fish ',
      'sftpgo help initp': 'sftpgo help initprovider ',
    }
    expect(zsh(Object.keys(lines))).toEqual(Object.values(lines))
  }, 60_000)
})
