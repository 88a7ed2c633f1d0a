/** What an administrator's command comes to, in order: data, so that it can be shown, tested and then carried out. */
export type Plan = readonly Step[]

/** Paths are absolute. */
export type Step =
  | { do: 'write'; path: string; content: string; mode: number }
  /** Program and arguments: no shell reads them. With `mayFail` its failure is none of the whole. */
  | { do: 'run'; argv: readonly [string, ...string[]]; mayFail?: true }
  /** One that is not there is no failure. */
  | { do: 'remove'; path: string }

export const ACTIONS = ['install', 'start', 'stop', 'status', 'uninstall'] as const
export type Action = (typeof ACTIONS)[number]

export const PLATFORMS = ['linux', 'darwin', 'win32'] as const
export type Platform = (typeof PLATFORMS)[number]

/** How the service is to run. */
export interface ServiceOptions {
  /** The program that runs this and its script, absolute. */
  program: readonly [string, ...string[]]
  /** Flags of `sftpgo serve`, without the two below, as they are to be given. */
  flags: readonly string[]
  /** Where keys and database are, and where relative paths of the configuration begin; `''` for the platform's own. */
  configDir: string
  /** `''` for the system's journal, or for the platform's own. */
  logFilePath: string
  /** Account of the system under which it runs. */
  user: string
  /** Directories, absolute, below which accounts have their homes. */
  homes: readonly string[]
  /** Ports below 1024 may be listened on. */
  lowPorts: boolean
}

/** The plan as text for `--dry-run`: each file with its content, each command as a shell would take it. */
export function describePlan(plan: Plan): string[] {
  return plan.flatMap(describeStep)
}

function describeStep(step: Step): string[] {
  switch (step.do) {
    case 'write': {
      const lines = step.content.trimEnd().split('\n')
      const mode = step.mode.toString(8).padStart(4, '0')
      return [`write ${step.path} (mode ${mode}):`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))]
    }
    case 'run':
      return [`run ${step.argv.map(quoted).join(' ')}${step.mayFail === true ? ' (may fail)' : ''}`]
    default:
      return [`remove ${step.path}`]
  }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
