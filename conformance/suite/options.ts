import { parseArgs } from 'node:util'

import type { TargetOptions } from './target.ts'

export interface Options {
  /** What is judged; undefined for `--list`, `--compare` and `--help`. */
  target: TargetOptions | undefined
  /** What reports call the server. */
  label: string | undefined
  /** Part of a name of a case, of its group or of its section. */
  filter: string | undefined
  json: boolean
  html: string | undefined
  markdown: string | undefined
  /** Files that `--json` wrote. */
  compare: readonly string[]
  list: boolean
  help: boolean
}

export const USAGE = `usage: sftpgo-conformance TARGET [options]
       sftpgo-conformance --compare A.json B.json ... [--html FILE] [--markdown FILE]
       sftpgo-conformance --list [--filter TEXT]

Judges an SFTP server by its answers on the wire.

targets:
  --host HOST         a server that speaks SSH, with
    --port PORT         its port (22)
    --user NAME         the login name (the name of who runs this)
    --identity FILE     a private key, and
    --password TEXT     or a password
    --served DIR        the directory it serves, where that is on this machine: names are looked up on the disk as well
  --stdio COMMAND     a program that speaks SFTP on its standard streams, started in a temporary directory
  --self              the engine of this package, in this process

options:
  --filter TEXT       only cases whose name, group or section contains TEXT
  --json              prints one JSON document instead of lines
  --html FILE         writes a report as well
  --markdown FILE     writes a report as well
  --label TEXT        what reports call the server
  --compare FILES     reports of several results, side by side, the first being the measure
  --list              prints the cases
  --help              prints this

Everything happens in a directory that is made where sessions start, and removed at the end. The exit code is 1 when a
case failed.`

/** @throws with a sentence for the user when the arguments are wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      user: { type: 'string' },
      identity: { type: 'string' },
      password: { type: 'string' },
      served: { type: 'string' },
      stdio: { type: 'string' },
      self: { type: 'boolean', default: false },
      filter: { type: 'string' },
      json: { type: 'boolean', default: false },
      html: { type: 'string' },
      markdown: { type: 'string' },
      label: { type: 'string' },
      compare: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { host, stdio, self, compare, list, help } = values
  const ways = [host !== undefined, stdio !== undefined, self, compare, list].filter(Boolean).length
  if (!help && ways !== 1) throw new Error('exactly one of --host, --stdio, --self, --compare and --list is needed')
  if (!compare && positionals.length > 0) throw new Error(`unknown argument: ${positionals[0]}`)
  if (compare && positionals.length === 0) throw new Error('--compare takes the names of files that --json wrote')
  const common = {
    label: values.label,
    filter: values.filter,
    json: values.json,
    html: values.html,
    markdown: values.markdown,
    compare: positionals,
    list,
    help,
  }
  if (stdio !== undefined) return { ...common, target: { kind: 'stdio', command: stdio } }
  if (self) return { ...common, target: { kind: 'self' } }
  if (host === undefined) return { ...common, target: undefined }
  const { user = process.env.USER ?? 'root', identity, password, served } = values
  if (identity === undefined && password === undefined) throw new Error('--host needs --identity or --password')
  return {
    ...common,
    target: {
      kind: 'ssh',
      host,
      port: portNumber(values.port ?? '22'),
      username: user,
      ...(identity !== undefined && { identity }),
      ...(password !== undefined && { password }),
      ...(served !== undefined && { served }),
    },
  }
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`--port takes 1 to 65535, not ${text}`)
  return port
}
