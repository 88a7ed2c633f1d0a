import { parseArgs } from 'node:util'

import { positiveInteger } from '../conformance/options.ts'

export const SERVERS = ['sftpgo', 'openssh', 'rclone'] as const
export type ServerName = (typeof SERVERS)[number]

export interface Options {
  /** What moves the files: OpenSSH's sftp, or its scp over scp's own protocol. */
  protocol: 'sftp' | 'scp'
  servers: readonly ServerName[]
  rounds: number
  sizeMib: number
  files: number
  /** Names in the directory that is listed. */
  entries: number
  cipher: string
  /** A directory for throughput.json and throughput.svg. */
  out: string | undefined
  /** Such a throughput.json of before. */
  compare: string | undefined
  help: boolean
}

const FULL = { rounds: 5, sizeMib: 1024, files: 2000, entries: 100_000 }
const QUICK = { rounds: 3, sizeMib: 128, files: 200, entries: 10_000 }

export const USAGE = `usage: npm run bench -- [quick] [scp] [options]
       npm run bench -- login [options]
       npm run bench -- throttle [options]
       npm run bench -- latency [options]
       npm run bench -- many [options]
       npm run bench -- features [options]
       npm run bench -- growth [options]
       npm run bench -- http [options]
       npm run bench -- users [drivers]

  quick           under a minute: ${QUICK.rounds} rounds, ${QUICK.sizeMib} MiB, ${QUICK.files} files; says less
  scp             SCP instead of SFTP, against OpenSSH's sshd with the system's scp
  --rounds N      measured rounds after the one that warms up (${FULL.rounds})
  --size MIB      size of the big file in MiB (${FULL.sizeMib})
  --files N       number of files of 4 KiB (${FULL.files})
  --entries N     number of names in a directory that is listed (${FULL.entries})
  --servers LIST  which of ${SERVERS.join(',')} (all)
  --cipher NAME   the cipher of all of them (aes128-gcm@openssh.com)
  --out DIR       writes all figures to DIR/throughput.json, and a chart to DIR/throughput.svg
  --compare FILE  says what has become slower or dearer than in an earlier throughput.json; exit code 1 if anything has
  --help          prints this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      size: { type: 'string' },
      files: { type: 'string' },
      entries: { type: 'string' },
      servers: { type: 'string', default: SERVERS.join(',') },
      cipher: { type: 'string', default: 'aes128-gcm@openssh.com' },
      out: { type: 'string' },
      compare: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const stray = positionals.find((word) => word !== 'quick' && word !== 'scp')
  if (stray !== undefined) throw new Error(`unknown argument: ${stray}`)
  const defaults = positionals.includes('quick') ? QUICK : FULL
  const protocol = positionals.includes('scp') ? 'scp' : 'sftp'
  return {
    protocol,
    // rclone serves no SCP.
    servers: values.servers
      .split(',')
      .map(serverName)
      .filter((name) => protocol === 'sftp' || name !== 'rclone'),
    rounds: integer('--rounds', values.rounds, defaults.rounds),
    sizeMib: integer('--size', values.size, defaults.sizeMib),
    files: integer('--files', values.files, defaults.files),
    entries: integer('--entries', values.entries, defaults.entries),
    cipher: values.cipher,
    out: values.out,
    compare: values.compare,
    help: values.help,
  }
}

function integer(flag: string, text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : positiveInteger(flag, text)
}

function serverName(text: string): ServerName {
  const name = SERVERS.find((one) => one === text)
  if (name === undefined) throw new Error(`--servers takes names of ${SERVERS.join(',')}, not ${text}`)
  return name
}
