import type { Action, Plan, ServiceOptions, Step } from './plan.ts'
import { escapeXml } from './xml.ts'

const LABEL = 'io.sftpgo.server'
const PLIST = `/Library/LaunchDaemons/${LABEL}.plist`
const BASE = '/usr/local/opt/sftpgo'
const OPEN_FILES = 65_536

const launchctl = (...args: string[]): Extract<Step, { do: 'run' }> => ({ do: 'run', argv: ['launchctl', ...args] })

/** What each command does on macOS. */
export function launchdPlan(action: Action, options: ServiceOptions): Plan {
  switch (action) {
    case 'install':
      return [
        { do: 'write', path: PLIST, content: plistText(options), mode: 0o644 },
        // It starts when it is loaded: by `start`, and with the system.
        launchctl('enable', `system/${LABEL}`),
      ]
    case 'start':
      return [launchctl('bootstrap', 'system', PLIST)]
    case 'stop':
      return [launchctl('bootout', `system/${LABEL}`)]
    case 'status':
      return [launchctl('print', `system/${LABEL}`)]
    default:
      return [
        { ...launchctl('bootout', `system/${LABEL}`), mayFail: true },
        { do: 'remove', path: PLIST },
      ]
  }
}

/** launchd.plist(5). */
export function plistText({ program, flags, configDir, logFilePath, user }: ServiceOptions): string {
  const directory = configDir || BASE
  const words = [
    ...program,
    'serve',
    `--config-dir=${directory}`,
    `--log-file-path=${logFilePath || `${BASE}/log/sftpgo.log`}`,
    ...flags,
  ]
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>UserName</key>
  <string>${escapeXml(user)}</string>
  <key>WorkingDirectory</key>
  <string>${escapeXml(directory)}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${escapeXml(word)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>${OPEN_FILES}</integer>
  </dict>
</dict>
</plist>
`
}
