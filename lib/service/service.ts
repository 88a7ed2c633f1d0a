import { execFile } from 'node:child_process'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { launchdPlan } from './launchd.ts'
import { describePlan } from './plan.ts'
import type { Action, Plan, Platform, ServiceOptions, Step } from './plan.ts'
import { systemdPlan } from './systemd.ts'
import { windowsPlan } from './windows.ts'

const PLANS: Readonly<Record<Platform, (action: Action, options: ServiceOptions) => Plan>> = {
  linux: systemdPlan,
  darwin: launchdPlan,
  win32: windowsPlan,
}

/** A command of a service manager that hangs must not hang this. */
const COMMAND_TIMEOUT_MS = 180_000

export interface ServiceRequest {
  action: Action
  options: ServiceOptions
  /** The plan is shown, and nothing done. */
  dryRun: boolean
  platform: Platform
}

export interface CommandResult {
  code: number
  /** Standard output and error. */
  output: string
}

/** What carrying out a plan touches. */
export interface ServiceHost {
  platform: NodeJS.Platform
  isRoot: boolean
  stdout(line: string): void
  run(argv: readonly [string, ...string[]]): Promise<CommandResult>
  /** Before every path of a file, `''` but in tests. */
  root: string
}

/** @throws Error of one line for what is not allowed here, or the first step that fails. */
export async function manageService(request: ServiceRequest, host: ServiceHost): Promise<void> {
  const plan = planOf(request)
  if (request.dryRun) {
    for (const line of describePlan(plan)) host.stdout(line)
    return
  }
  if (request.platform !== 'linux' || host.platform !== 'linux')
    throw new Error(
      `this version serves on Linux only: with --dry-run it shows what it would do on ${request.platform}`,
    )
  if (!host.isRoot && request.action !== 'status')
    throw new Error(`sftpgo service ${request.action} has to run as root`)
  await carryOut(plan, host)
}

/** @throws Error of one line for options that a service cannot have. */
export function planOf({ action, options, platform }: Pick<ServiceRequest, 'action' | 'options' | 'platform'>): Plan {
  const { isAbsolute } = platform === 'win32' ? path.win32 : path.posix
  const paths = [
    ...(options.configDir === '' ? [] : [['--config-dir', options.configDir] as const]),
    ...(options.logFilePath === '' ? [] : [['--log-file-path', options.logFilePath] as const]),
    ...options.homes.map((home) => ['--homes', home] as const),
  ]
  for (const [flag, value] of paths) {
    if (!isAbsolute(value)) throw new Error(`${flag} "${value}": a service takes absolute paths only`)
  }
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(options.user))
    throw new Error(`--user "${options.user}": a name of up to 32 of a-z, 0-9, "_" and "-" is allowed`)
  return PLANS[platform](action, options)
}

async function carryOut(plan: Plan, host: ServiceHost): Promise<void> {
  for (const step of plan) await take(step, host)
}

async function take(step: Step, { root, run, stdout }: ServiceHost): Promise<void> {
  switch (step.do) {
    case 'write':
      await writeWhole(root + step.path, step.content, step.mode)
      stdout(`written: ${step.path}`)
      break
    case 'run': {
      const { code, output } = await run(step.argv)
      for (const line of output.trimEnd().split('\n')) if (line !== '') stdout(line)
      if (code !== 0 && step.mayFail !== true) throw new Error(`${step.argv.join(' ')} ended with ${code}`)
      break
    }
    default:
      await rm(root + step.path, { force: true })
      stdout(`removed: ${step.path}`)
  }
}

/** Whoever reads it meanwhile sees the old one or the new one. */
async function writeWhole(file: string, content: string, mode: number): Promise<void> {
  const temporary = `${file}.new`
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(temporary, content, { mode })
  await rename(temporary, file)
}

/** Runs a program and keeps what it says. A program that cannot be started ends with 127, as in a shell. */
export function runProgram([program, ...args]: readonly [string, ...string[]]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      const missing = error?.code === 'ENOENT' ? `${program}: not found` : ''
      resolve({
        code: error === null ? 0 : missing === '' ? (child.exitCode ?? 1) : 127,
        output: stdout + stderr + missing,
      })
    })
  })
}
