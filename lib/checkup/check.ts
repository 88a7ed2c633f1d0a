import { access, constants, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { deprecatedSettings } from '../config/deprecated.ts'
import { ConfigError, loadConfig, resolveIn } from '../config/load.ts'
import { defaultConfig } from '../config/schema.ts'
import type { Config } from '../config/schema.ts'
import { certificateFiles, loadCertificates } from '../httpd/certificates.ts'
import { judgeExposure } from '../httpd/exposure.ts'
import { readUserFile } from '../httpd/user-file.ts'
import { algorithmsOf } from '../sshd/algorithms.ts'
import { HOST_KEY_NAMES, readHostKey } from '../sshd/host-keys.ts'
import type { ConfigPlace } from './show.ts'

export interface Checkup {
  /** Absolute; absent when there is none, or none that could be read. */
  file?: string
  /** A line each: what keeps the server from starting, or from doing what it is asked to. */
  problems: string[]
  warnings: string[]
}

/** Looks at everything the configuration names, and changes nothing: no key is made, no database opened. */
export async function checkConfig({ configDir, configFile, env }: ConfigPlace): Promise<Checkup> {
  const directory = resolve(configDir)
  try {
    const { config, file, warnings } = await loadConfig({
      configDir: directory,
      configFile,
      env,
      cwd: process.cwd(),
      home: homedir(),
    })
    const found = [
      algorithms(config),
      ports(config),
      ...(await Promise.all([
        hostKeys(config, directory),
        loginBanner(config, directory),
        commands(config),
        store(config, directory),
        webFiles(config, directory),
        httpSecurity(config, directory),
      ])),
    ]
    return {
      ...(file === undefined ? {} : { file }),
      problems: found.flatMap(({ problems = [] }) => problems),
      warnings: [...warnings, ...deprecatedSettings(config), ...found.flatMap((one) => one.warnings ?? [])],
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { problems: [...error.problems], warnings: [] }
  }
}

interface Findings {
  problems?: string[]
  warnings?: string[]
}

function algorithms({ sftpd }: Config): Findings {
  const none = { kex_algorithms: [], ciphers: [], macs: [] }
  const problems = (['kex_algorithms', 'ciphers', 'macs'] as const).flatMap((key) => {
    // One at a time, so that each mistake is told.
    return sftpd[key].flatMap((name) => {
      try {
        algorithmsOf({ ...none, [key]: [name] })
        return []
      } catch (error) {
        return [messageOf(error)]
      }
    })
  })
  return { problems }
}

const ANY_ADDRESS: readonly string[] = ['', '0.0.0.0', '::']

function ports({ sftpd, httpd }: Config): Findings {
  const meet =
    sftpd.bind_address === httpd.bind_address ||
    ANY_ADDRESS.includes(sftpd.bind_address) ||
    ANY_ADDRESS.includes(httpd.bind_address)
  if (sftpd.bind_port === 0 || sftpd.bind_port !== httpd.bind_port || !meet) return {}
  return { problems: [`sftpd.bind_port and httpd.bind_port are both ${sftpd.bind_port}: only one can have it`] }
}

async function hostKeys({ sftpd }: Config, directory: string): Promise<Findings> {
  const isOwn = sftpd.keys.length === 0
  const files = isOwn
    ? HOST_KEY_NAMES.map((name) => resolve(directory, name))
    : sftpd.keys.map((key) => resolveIn(directory, key.private_key))
  const problems: string[] = []
  const warnings: string[] = []
  const first = new Map<string, string>()
  for (const file of files) {
    // Those that the server makes for itself may be missing.
    if (isOwn && !(await isThere(file))) continue
    try {
      const { type } = await readHostKey(file)
      const other = first.get(type)
      if (other !== undefined) warnings.push(`sftpd.keys: ${other} and ${file} are both of type ${type}: one is used`)
      first.set(type, file)
    } catch (error) {
      problems.push(messageOf(error))
    }
    const mode = (await stat(file).catch(() => undefined))?.mode ?? 0
    if ((mode & 0o077) !== 0 && process.platform !== 'win32')
      warnings.push(`host key ${file} can be read by others: chmod 600 it`)
  }
  return { problems, warnings }
}

async function loginBanner({ sftpd }: Config, directory: string): Promise<Findings> {
  const file = resolveIn(directory, sftpd.login_banner_file)
  if (file === '') return {}
  return readFile(file).then(
    () => ({}),
    (error: unknown) => ({ problems: [`sftpd.login_banner_file: ${file} cannot be read (${codeOf(error)})`] }),
  )
}

async function commands(config: Config): Promise<Findings> {
  const found = (['sftpd', 'data_provider'] as const).map(async (section) => {
    const { command, execute_on: events, http_notification_url: url } = config[section].actions
    const key = `${section}.actions`
    const unused = (command !== '' || url !== '') && events.length === 0
    const code = command === '' ? undefined : await access(command, constants.X_OK).then(() => undefined, codeOf)
    return {
      problems: code === undefined ? [] : [`${key}.command: ${command} cannot be run (${code})`],
      warnings: unused ? [`${key} has a command or URL and no event in execute_on: nothing is done`] : [],
    }
  })
  const all = await Promise.all(found)
  return { problems: all.flatMap(({ problems }) => problems), warnings: all.flatMap(({ warnings }) => warnings) }
}

async function store({ data_provider: provider }: Config, directory: string): Promise<Findings> {
  const { driver, name, connection_string: text } = provider
  const problems: string[] = []
  const isFile = driver === 'sqlite' || driver === 'bolt'
  if (isFile && name === '')
    problems.push(`data_provider.name is empty: driver ${driver} needs the path of its database`)
  if (isFile && text !== '')
    problems.push(`data_provider.connection_string is set: driver ${driver} takes the path from data_provider.name`)
  if (isFile && name !== '') {
    const file = resolve(directory, name)
    const needed = (await isThere(file)) ? file : dirname(file)
    const code = await access(needed, constants.R_OK | constants.W_OK).then(() => undefined, codeOf)
    if (code !== undefined) problems.push(`data_provider.name: ${needed} cannot be written (${code})`)
  }
  const base = provider.users_base_dir
  const warnings =
    base === '' || (await isThere(base)) ? [] : [`data_provider.users_base_dir: ${base} does not exist yet`]
  return { problems, warnings }
}

async function webFiles({ httpd }: Config, directory: string): Promise<Findings> {
  if (httpd.bind_port === 0) return {}
  const builtIn = defaultConfig().httpd
  const keys = (['templates_path', 'static_files_path'] as const).filter((key) => httpd[key] !== builtIn[key])
  const missing = keys.map(async (key) => {
    const folder = resolveIn(directory, httpd[key])
    const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() === true
    return isFolder ? [] : [`httpd.${key}: ${folder} is no directory that can be read`]
  })
  return { problems: (await Promise.all(missing)).flat() }
}

async function httpSecurity({ httpd }: Config, directory: string): Promise<Findings> {
  if (httpd.bind_port === 0) return {}
  const problems: string[] = []
  const warnings: string[] = []
  const attempt = async (look: () => unknown): Promise<void> => {
    try {
      await look()
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  await attempt(() => warnings.push(...judgeExposure(httpd)))
  await attempt(async () => {
    const files = certificateFiles(httpd, (file) => resolveIn(directory, file))
    if (files !== undefined) await loadCertificates(files)
  })
  const users = resolveIn(directory, httpd.auth_user_file)
  if (users !== '') await attempt(async () => readUserFile(users))
  return { problems, warnings }
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown reason'
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
