import { attackMain } from './attack/main.ts'
import type { Ability, Case } from './case.ts'
import { ASYNCSSH } from './clients/asyncssh.ts'
import { CRASH } from './clients/crash.ts'
import { CURL } from './clients/curl.ts'
import { LFTP } from './clients/lftp.ts'
import { NAME_BYTES } from './clients/name-bytes.ts'
import { OPENSSH_SCP } from './clients/openssh-scp.ts'
import { OPENSSH_SFTP } from './clients/openssh-sftp.ts'
import { PARAMIKO } from './clients/paramiko.ts'
import { PSFTP } from './clients/psftp.ts'
import { RCLONE } from './clients/rclone.ts'
import { REKEY } from './clients/rekey.ts'
import { SCP } from './clients/scp.ts'
import { SSHFS } from './clients/sshfs.ts'
import { generateKey } from './harness/keys.ts'
import { startOpenSshServer } from './harness/openssh-server.ts'
import { requireProgram } from './harness/programs.ts'
import { runMain } from './harness/scope.ts'
import type { Scope } from './harness/scope.ts'
import type { Server } from './harness/server.ts'
import { startSftpgo } from './harness/sftpgo-server.ts'
import { tempDir } from './harness/temp.ts'
import { parseOptions, USAGE } from './options.ts'
import type { Options, TargetName } from './options.ts'
import { runCases, summary } from './runner.ts'
import { soakMain } from './soak/main.ts'

const CASES: readonly Case[] = [
  ...OPENSSH_SFTP,
  ...OPENSSH_SCP,
  ...SCP,
  ...SSHFS,
  ...RCLONE,
  ...LFTP,
  ...PSFTP,
  ...CURL,
  ...CRASH,
  ...PARAMIKO,
  ...ASYNCSSH,
  ...NAME_BYTES,
  ...REKEY,
]

interface Target {
  start: (scope: Scope, options: Options) => Promise<Server>
  abilities: (options: Options) => ReadonlySet<Ability>
}

const TARGETS: Record<TargetName, Target> = {
  sftpgo: {
    start: (scope, { uploadMode }) => startSftpgo(scope, { sftpd: { upload_mode: uploadMode } }),
    abilities: ({ uploadMode }) =>
      new Set(['virtual accounts', 'check-file', ...(uploadMode === 0 ? (['uploads in place'] as const) : [])]),
  },
  openssh: { start: startOpenSshServer, abilities: () => new Set(['uploads in place']) },
}

await runMain(async (scope) => {
  const [first, ...rest] = process.argv.slice(2)
  // Loaded only when asked for: it stands on a development dependency.
  if (first === '--differential') return (await import('./differential/run.ts')).differentialMain(scope, rest)
  if (first === '--attack') return attackMain(scope, rest)
  if (first === '--soak') return soakMain(scope, rest)
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const cases = (options.rekey ? REKEY : CASES).filter(({ name }) =>
    name.toLowerCase().includes(options.only.toLowerCase()),
  )
  if (cases.length === 0) throw new Error(`no case's name contains "${options.only}"`)
  if (options.list) {
    for (const { name } of cases) console.log(name)
    return 0
  }
  for (const program of ['sftp', 'ssh', 'ssh-keygen', 'ssh-keyscan'] as const) requireProgram(program)
  const { start, abilities } = TARGETS[options.target]
  const tally = await runCases(cases, {
    scope,
    server: await start(scope, options),
    abilities: abilities(options),
    key: await generateKey(scope, await tempDir(scope), 'key', 'ed25519'),
    sizes: options,
    allInstalled: process.env['CI'] === 'true',
    print: (line) => console.log(line),
  })
  for (const line of summary(tally)) console.log(line)
  return tally.failed === 0 ? 0 : 1
})
