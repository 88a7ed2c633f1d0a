import type { Action, Plan, ServiceOptions } from './plan.ts'
import { escapeXml } from './xml.ts'

const BASE = String.raw`C:\ProgramData\SFTPGo`
const WRAPPER = String.raw`${BASE}\sftpgo-service.exe`
const SETTINGS = String.raw`${BASE}\sftpgo-service.xml`
/** Before the first, the second and each further start after a failure, as SFTPGo's own service has it. */
const RESTART_SECONDS = [0, 60, 90]

/**
 * What each command does on Windows. A program of Node does not speak with the service manager: WinSW, under the name
 * `sftpgo-service.exe`, does it for this one and reads the file beside it.
 */
export function windowsPlan(action: Action, options: ServiceOptions): Plan {
  const command = { do: 'run', argv: [WRAPPER, action] } as const
  switch (action) {
    case 'install':
      return [{ do: 'write', path: SETTINGS, content: settingsText(options), mode: 0o644 }, command]
    case 'uninstall':
      return [{ do: 'run', argv: [WRAPPER, 'stop'], mayFail: true }, command, { do: 'remove', path: SETTINGS }]
    default:
      return [command]
  }
}

/** The settings of WinSW. */
export function settingsText({ program, flags, configDir, logFilePath }: ServiceOptions): string {
  const [executable, ...script] = program
  const directory = configDir || BASE
  const words = [
    ...script,
    'serve',
    `--config-dir=${directory}`,
    `--log-file-path=${logFilePath || String.raw`${BASE}\logs\sftpgo.log`}`,
    ...flags,
  ]
  return `<service>
  <id>SFTPGo</id>
  <name>SFTPGo</name>
  <description>SFTPGo, an SFTP server with virtual accounts</description>
  <executable>${escapeXml(executable)}</executable>
  <arguments>${escapeXml(words.map(windowsArgument).join(' '))}</arguments>
  <workingdirectory>${escapeXml(directory)}</workingdirectory>
  <startmode>Automatic</startmode>
  <stoptimeout>150 sec</stoptimeout>
${RESTART_SECONDS.map((seconds) => `  <onfailure action="restart" delay="${seconds} sec"/>`).join('\n')}
  <log mode="none"/>
</service>
`
}

/** One word of a command line, as CommandLineToArgvW reads it. */
export function windowsArgument(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word
  // Backslashes count only before a quote, of which one is added at the end.
  return `"${word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}
