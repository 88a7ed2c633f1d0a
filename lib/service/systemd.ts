import type { Action, Plan, ServiceOptions, Step } from './plan.ts'

const UNIT = 'sftpgo.service'
const UNIT_FILE = `/etc/systemd/system/${UNIT}`
const USERS_FILE = '/etc/sysusers.d/sftpgo.conf'
const STATE_DIR = '/var/lib/sftpgo'
/** Where the configuration is searched for when it is not in the directory of the state. */
const CONFIGURATION = '/etc/sftpgo'
/** Above the longest `sftpd.grace_time` that is usual; who sets a longer one sets this, too. */
const STOP_SECONDS = 150
/** Two for each transfer, and a few for each session. */
const OPEN_FILES = 65_536
/** Threads for disks and password hashes. */
const THREADS = 16
/** Taken away by ProtectHome: homes of accounts below them are bound in one by one. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/

const run = (...argv: [string, ...string[]]): Step => ({ do: 'run', argv })

/** What each command does on a Linux with systemd. */
export function systemdPlan(action: Action, options: ServiceOptions): Plan {
  const { user, homes } = options
  switch (action) {
    case 'install':
      return [
        ...(user === 'root' ? [] : newUser(user)),
        ...homes.map((home) => run('install', '-d', '-o', user, '-g', user, '-m', '0750', home)),
        { do: 'write', path: UNIT_FILE, content: unitText(options), mode: 0o644 },
        run('systemctl', 'daemon-reload'),
        run('systemctl', 'enable', UNIT),
      ]
    case 'start':
    case 'stop':
      return [run('systemctl', action, UNIT)]
    case 'status':
      return [run('systemctl', '--no-pager', 'status', UNIT)]
    default:
      // Keys, accounts and the files of users stay, and so does the owner of all that.
      return [
        { do: 'run', argv: ['systemctl', 'disable', '--now', UNIT], mayFail: true },
        { do: 'remove', path: UNIT_FILE },
        { do: 'remove', path: USERS_FILE },
        run('systemctl', 'daemon-reload'),
      ]
  }
}

function newUser(user: string): Step[] {
  return [
    // sysusers.d(5): made unless it is there.
    { do: 'write', path: USERS_FILE, content: `u ${user} - "SFTPGo" ${STATE_DIR}\n`, mode: 0o644 },
    run('systemd-sysusers', USERS_FILE),
  ]
}

/** systemd.unit(5), systemd.exec(5): what the server does not need is out of its reach. */
export function unitText(options: ServiceOptions): string {
  const { user, homes, lowPorts } = options
  const configDir = options.configDir || STATE_DIR
  const isRoot = user === 'root'
  const capabilities = [
    ...(lowPorts ? ['CAP_NET_BIND_SERVICE'] : []),
    // To give files to the accounts' owners, and to work with them then.
    ...(isRoot ? ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER'] : []),
  ].join(' ')
  const writable = homes.filter((home) => !HIDDEN.test(home))
  const bound = homes.filter((home) => HIDDEN.test(home))
  if (configDir !== STATE_DIR) writable.unshift(configDir)
  const flags = [`--config-dir=${configDir}`, `--log-file-path=${options.logFilePath}`, ...options.flags]
  const lines = [
    '[Unit]',
    'Description=SFTPGo, an SFTP server with virtual accounts',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=exec',
    `User=${user}`,
    `Group=${user}`,
    `StateDirectory=sftpgo`,
    'StateDirectoryMode=0750',
    'ConfigurationDirectory=sftpgo',
    'ConfigurationDirectoryMode=0755',
    'LogsDirectory=sftpgo',
    'LogsDirectoryMode=0750',
    `WorkingDirectory=${STATE_DIR}`,
    `EnvironmentFile=-${CONFIGURATION}/sftpgo.env`,
    `Environment=UV_THREADPOOL_SIZE=${THREADS}`,
    `ExecStart=${[...options.program, 'serve', ...flags].map(argument).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    'Restart=always',
    'RestartSec=10',
    `TimeoutStopSec=${STOP_SECONDS}`,
    `LimitNOFILE=${OPEN_FILES}`,
    '',
    `CapabilityBoundingSet=${capabilities}`,
    `AmbientCapabilities=${isRoot ? '' : capabilities}`,
    'NoNewPrivileges=true',
    'ProtectSystem=strict',
    ...(writable.length > 0 ? [`ReadWritePaths=${writable.map((home) => argument(`-${home}`)).join(' ')}`] : []),
    // An empty file system in place of the hidden ones, so that something can be bound in.
    bound.length > 0 ? 'ProtectHome=tmpfs' : 'ProtectHome=true',
    ...bound.map((home) => `BindPaths=${argument(home)}`),
    'PrivateTmp=true',
    'PrivateDevices=true',
    'ProtectProc=invisible',
    'ProtectClock=true',
    'ProtectHostname=true',
    'ProtectKernelLogs=true',
    'ProtectKernelModules=true',
    'ProtectKernelTunables=true',
    'ProtectControlGroups=true',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX',
    'RestrictNamespaces=true',
    'RestrictRealtime=true',
    'RestrictSUIDSGID=true',
    'LockPersonality=true',
    'RemoveIPC=true',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    // A list either allows or takes away. As root, owners are changed.
    ...(isRoot ? [] : ['SystemCallFilter=~@privileged']),
    'SystemCallErrorNumber=EPERM',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ]
  return `${lines.join('\n')}\n`
}

/** A word of a command line, or a path, as a unit file takes it: nothing in it is expanded. */
export function argument(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  if (/^[\w@%+=:,./$-]+$/.test(plain)) return plain
  const escaped = plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped}"`
}
