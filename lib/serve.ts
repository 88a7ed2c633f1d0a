import { homedir } from 'node:os'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createAccounts } from './accounts/create-accounts.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { deprecatedSettings } from './config/deprecated.ts'
import { loadConfig, resolveIn } from './config/load.ts'
import type { Config } from './config/schema.ts'
import { Connections } from './connections/connections.ts'
import { watchThroughput } from './connections/throughput.ts'
import { createGate } from './defender/gate.ts'
import type { Gate } from './defender/gate.ts'
import { createHasher } from './hashing/hasher.ts'
import { createPasswords } from './accounts/passwords.ts'
import { apiRoutes } from './httpd/api/api.ts'
import { createBasicAuth } from './httpd/basic-auth.ts'
import { certificateFiles, loadCertificates } from './httpd/certificates.ts'
import { judgeExposure } from './httpd/exposure.ts'
import { createCsrf } from './httpd/csrf.ts'
import { healthRoutes } from './httpd/health.ts'
import { createHttpd } from './httpd/httpd.ts'
import { webAdmin } from './httpd/web/web-admin.ts'
import type { HttpdOptions } from './httpd/httpd.ts'
import { metricsRoutes } from './httpd/metrics.ts'
import { openUserFile } from './httpd/user-file.ts'
import { ServerReadiness } from './readiness.ts'
import { createLog } from './logging/logger.ts'
import { describeChanges } from './lifetime/changes.ts'
import { gaugesOf } from './metrics/gauges.ts'
import { meteredThrottle } from './metrics/metered-throttle.ts'
import { createPrometheus } from './metrics/prometheus.ts'
import type { Destination } from './logging/destination.ts'
import { Hooks } from './notifications/hooks.ts'
import { thisOwner } from './notifications/owner.ts'
import { actionsOf, mayStore } from './notifications/settings.ts'
import { watchAvailability } from './providers/availability.ts'
import { MemoryOutbox } from './providers/memory/outbox.ts'
import { openProvider } from './providers/open.ts'
import { QuotaScans } from './quota-scans/quota-scans.ts'
import { createOpenAccount } from './sshd/account-session.ts'
import { loadHostKeys } from './sshd/host-keys.ts'
import { createSshd } from './sshd/sshd.ts'
import type { SshSettings } from './sshd/sshd.ts'
import { transportNote } from './sshd/transport-note.ts'
import { createThrottle } from './transfers/throttle.ts'
import { versionInfo, versionText } from './version/version.ts'
import { Reload } from './lifetime/reload.ts'
import { Shutdown } from './lifetime/shutdown.ts'
import type { Log } from './logging/log.ts'
import { MANY_EVENTS, Traces } from './traces/traces.ts'
import { countsUsage } from './transfers/counts-usage.ts'
import { InFlightFolder } from './transfers/in-flight-folder.ts'
import { InFlight, forgetful } from './transfers/in-flight.ts'
import { Ledger } from './transfers/ledger.ts'
import { Recovery } from './vfs/recovery.ts'
import { memoryStorage, nodeStorage } from './vfs/storage.ts'
import { newInstance } from './vfs/temporary-name.ts'

/** In the configuration directory: a note for every account with uploads under way. */
const IN_FLIGHT_FOLDER = 'in-flight'

/** What a stop spends on notifications that wait; the others are delivered after the next start. */
const NOTIFY_AT_STOP_MS = 5_000
/** Of commands, where the server has none itself. */
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ServeOptions {
  configDir: string
  /** Without its extension. */
  configFile: string
  log: {
    /** Relative to the working directory or absolute; `''` means standard error. */
    filePath: string
    maxSizeMb: number
    maxBackups: number
    maxAgeDays: number
    compress: boolean
    verbose: boolean
  }
  /** Every event of every connection is logged, and many are kept. */
  traceConnection?: boolean
  env: NodeJS.ProcessEnv
  stdout: (line: string) => void
}

export interface Address {
  host: string
  port: number
}

/** A server that listens. */
export interface Running {
  sftpAddress: Address
  /** Absent when `httpd.bind_port` is 0. */
  httpAddress?: Address
  /** Begins a new log file. */
  rotateLog(): void
  /**
   * Lets transfers finish within `sftpd.grace_time`, ends every connection, settles what is open, closes the store; a
   * second call waits for the first.
   */
  stop(): Promise<void>
  /** Takes the configuration, host keys and banner as they are now into use, where all of them are right. */
  reload(): Promise<void>
  /** As {@link stop}, without time for transfers, after an error that nobody caught and that the log gets. */
  crash(error: unknown): Promise<void>
  /** Resolves after {@link stop}. */
  finished: Promise<void>
}

/**
 * Builds the whole server out of its parts and starts it.
 * @throws Error with one line when the configuration, the store, a key or an address is not usable; nothing is left running.
 */
export async function serve(options: ServeOptions): Promise<Running> {
  const clock = systemClock
  const shutdown = new Shutdown(clock)
  try {
    assertPlatform()
    const configDir = path.resolve(options.configDir)
    const load = () =>
      loadConfig({
        configDir,
        configFile: options.configFile,
        env: options.env,
        cwd: process.cwd(),
        home: homedir(),
      })
    const { config, file, warnings } = await load()
    const isVerbose = ({ log: { level } }: Config): boolean => (level === '' ? options.log.verbose : level === 'debug')
    const log = createLog({
      destination: logDestination(options.log),
      verbose: isVerbose(config),
      now: clock,
    })
    shutdown.add(() => log.close(), 'the log')
    shutdown.reportTo(log)
    log.app('service', 'info', `starting SFTPGo ${versionText()}, configuration: ${file ?? 'built in'}`)
    log.app('service', 'info', transportNote())
    for (const warning of [...warnings, ...deprecatedSettings(config)]) log.app('config', 'warn', warning)
    process.umask(Number.parseInt(config.sftpd.umask, 8))

    const sshSettings = async ({ sftpd }: Config): Promise<SshSettings> => ({
      hostKeys: await loadHostKeys(
        sftpd.keys.map((key) => resolveIn(configDir, key.private_key)),
        configDir,
        log,
      ),
      config: { ...sftpd, banner: sftpd.banner.trim() || `SFTPGo_${versionInfo().version}` },
      loginBanner: await readLoginBanner(resolveIn(configDir, sftpd.login_banner_file)),
    })
    const settings = await sshSettings(config)
    const provider = await openProvider(config.data_provider, { configDir, log, env: options.env, clock })
    shutdown.add(() => provider.close(), 'the data provider')
    const hooks = new Hooks({
      openOutbox: async () => (mayStore(config) ? provider.openOutbox() : new MemoryOutbox()),
      owner: thisOwner(),
      clock,
      log,
      random: Math.random,
      path: options.env['PATH'] ?? USUAL_PATH,
    })
    // After the last connection has ended, and what it did has been told.
    shutdown.add(() => hooks.stop(NOTIFY_AT_STOP_MS), 'the notifications')
    await hooks.configure(actionsOf(config))
    const accounts = createAccounts({
      provider,
      notify: (action, user) => hooks.user(action, user),
      clock,
      log,
      manageUsers: config.data_provider.manage_users === 1,
      usersBaseDir: config.data_provider.users_base_dir,
    })
    const instance = newInstance()
    const folder = await openInFlightFolder(configDir, instance, log)
    const inFlight = new InFlight(folder ?? forgetful, { clock, log })
    const ledger = new Ledger({ provider, inFlight, clock, log })
    shutdown.add(async () => {
      await ledger.settle()
      await inFlight.close()
    }, 'storing what quota is used')
    const counts = countsUsage(config.data_provider)
    const recovery =
      folder &&
      new Recovery({
        folder,
        provider,
        storage: nodeStorage,
        log,
        now: () => clock.now(),
        counts,
        resumable: config.sftpd.upload_mode === 2,
      })
    if (recovery !== undefined) shutdown.add(() => recovery.finished(), 'looking after what a crash left')
    const scans = new QuotaScans({
      provider,
      ledger,
      storage: nodeStorage,
      clock,
      log,
      tracks: config.data_provider.track_quota !== 0 && config.data_provider.manage_users === 1,
    })
    shutdown.add(() => scans.stop(), 'the quota scans')
    const connections = new Connections(clock)
    const gate = createGate({ config: config.defender, clock, log })
    const traces = new Traces({
      clock,
      eventsPerConnection: options.traceConnection ? MANY_EVENTS : config.sftpd.trace_events,
      ...(options.traceConnection ? { log } : {}),
    })
    const hasher = createHasher()
    shutdown.add(() => hasher.close(), 'the thread for hashes')
    // Before anything listens.
    const security = await httpSecurity(config.httpd, { configDir, gate, log, clock })
    const { version, commit, date } = versionInfo()
    // Without an HTTP server nobody could read them.
    const metrics =
      config.httpd.bind_port === 0
        ? undefined
        : createPrometheus({
            gauges: gaugesOf({ connections, openConnections: () => sshd.size, bans: gate.bans }),
            build: { version, commit },
            clock,
          })
    shutdown.add(async () => metrics?.stop())
    const availability = watchAvailability({
      provider,
      clock,
      log,
      onCheck: (available) => metrics?.providerChecked(available),
    })
    shutdown.add(async () => availability.stop())

    const throughput = watchThroughput(connections, clock)
    shutdown.add(async () => throughput.stop())
    const listeners: string[] = []
    const web =
      config.httpd.bind_port === 0
        ? []
        : webAdmin(config.httpd, {
            configDir,
            accounts,
            connections,
            bans: gate.bans,
            throughput,
            scans,
            failedLogins: traces,
            driver: provider.driver,
            listeners: () => listeners,
            version: versionText(),
            csrf: createCsrf({ clock }),
            clock,
            log,
          })

    const sshd = createSshd({
      accounts,
      connections,
      gate,
      ...(metrics !== undefined && { metrics }),
      openAccount: createOpenAccount({
        storage: nodeStorage,
        memoryStorage,
        throttle:
          metrics === undefined ? createThrottle(clock) : meteredThrottle(createThrottle(clock), metrics, clock),
        ...(metrics !== undefined && { metrics }),
        hasher,
        log,
        get setstatMode() {
          return reload.current.sftpd.setstat_mode
        },
        isRoot: process.getuid?.() === 0,
        ledger,
        inFlight,
        counts,
        get uploads() {
          const { upload_mode: mode, fsync } = reload.current.sftpd
          return { mode, sync: fsync === 'close', instance }
        },
        hooks,
        ready: (username) => recovery?.ready(username) ?? Promise.resolve(),
      }),
      hasher,
      ...settings,
      log,
      clock,
      traces,
    })
    const reload = new Reload({
      load,
      current: config,
      parts: [
        { prepare: async (next) => sshd.prepare(await sshSettings(next)) },
        {
          async prepare(next) {
            return () => {
              gate.configure(next.defender)
              process.umask(Number.parseInt(next.sftpd.umask, 8))
              log.setVerbose(isVerbose(next))
            }
          },
        },
        {
          // The last ones: what they have found right they use at once.
          async prepare(next) {
            await httpd.reloadCertificates()
            await hooks.configure(actionsOf(next))
            return () => undefined
          },
        },
      ],
      describe: describeChanges,
      log,
    })
    const sftpAddress = await sshd.listen({ host: config.sftpd.bind_address, port: config.sftpd.bind_port })
    shutdown.add(() => sshd.close(), 'the SFTP server')

    const readiness = new ServerReadiness(() => accounts.checkAvailability(), clock)
    listeners.push(`SFTP on ${shown(sftpAddress)}`)
    const httpd = createHttpd({
      ...(metrics !== undefined && { metrics }),
      routes: [
        ...apiRoutes({
          accounts,
          connections,
          scans,
          bans: gate.bans,
          traces,
          version: { version, build_date: date, commit_hash: commit },
          log,
        }),
        ...healthRoutes(readiness),
        ...(metrics === undefined ? [] : metricsRoutes(metrics)),
        ...web,
      ],
      ...security,
      log,
      clock,
    })
    const httpAddress =
      config.httpd.bind_port === 0
        ? undefined
        : await httpd.listen({ host: config.httpd.bind_address, port: config.httpd.bind_port })
    shutdown.add(() => httpd.close(), 'the HTTP server')
    if (httpAddress !== undefined) listeners.push(`HTTP on ${shown(httpAddress)}`)
    readiness.enter('serving')

    const ready =
      `SFTPGo ${versionText()} ready: SFTP on ${shown(sftpAddress)}` +
      (httpAddress === undefined ? '' : `, HTTP on ${shown(httpAddress)}`)
    log.app('service', 'info', ready)
    options.stdout(ready)

    const stop = async (graceSeconds: number): Promise<void> => {
      readiness.enter('stopping')
      log.app('service', 'info', 'stopping')
      await sshd.drain(graceSeconds * 1000)
      await shutdown.run()
    }
    let stopping: Promise<void> | undefined
    let ended = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      ended = resolve
    })
    return {
      sftpAddress,
      ...(httpAddress === undefined ? {} : { httpAddress }),
      rotateLog: () => void log.rotate(),
      stop: () => (stopping ??= stop(reload.current.sftpd.grace_time).finally(ended)),
      reload: () => (stopping === undefined ? reload.run() : Promise.resolve()),
      crash(cause) {
        const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
        log.app('service', 'error', `an error that nobody caught, the server stops: ${stack}`)
        return (stopping ??= stop(0).finally(ended))
      },
      finished,
    }
  } catch (error) {
    // Why the start failed matters more than what else fails on the way out.
    await shutdown.run().catch(() => undefined)
    throw error
  }
}

const MEGABYTE = 1024 * 1024
/** What `--log-max-size 0` stands for. */
const LARGEST_LOG_MB = 100

function logDestination({ filePath, maxSizeMb, ...retention }: ServeOptions['log']): Destination {
  if (filePath === '') return { kind: 'stderr' }
  const maxBytes = (maxSizeMb === 0 ? LARGEST_LOG_MB : maxSizeMb) * MEGABYTE
  return { kind: 'file', path: filePath, rotation: { maxBytes, ...retention } }
}

/** `0.0.0.0:2022`, `[::]:2022`. */
export function shown({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Confinement stands on /proc/self/fd: elsewhere a home directory would not be a wall. */
export function assertPlatform(): void {
  if (process.platform !== 'linux') throw new Error(`this version serves on Linux only, not on ${process.platform}`)
}

/** What a crash must not make us forget; without it the server works, and says what it cannot do. */
async function openInFlightFolder(configDir: string, instance: string, log: Log): Promise<InFlightFolder | undefined> {
  const folder = path.join(configDir, IN_FLIGHT_FOLDER)
  try {
    return await InFlightFolder.open(folder, instance)
  } catch (error) {
    const trouble = 'after a crash, used quota and temporary files would not be put right'
    log.app('service', 'warn', `${folder} cannot be used: ${trouble}`, { error })
    return undefined
  }
}

/** How the HTTP server is kept from those it is not for. @throws Error of one line for what cannot be meant. */
async function httpSecurity(
  settings: Config['httpd'],
  { configDir, gate, log, clock }: { configDir: string; gate: Gate; log: Log; clock: Clock },
): Promise<Pick<HttpdOptions, 'allowedHosts' | 'trustedProxies' | 'authenticate' | 'tls'>> {
  if (settings.bind_port === 0) return {}
  for (const warning of judgeExposure(settings)) log.app('httpd', 'warn', warning)
  const files = certificateFiles(settings, (file) => resolveIn(configDir, file))
  const userFile = resolveIn(configDir, settings.auth_user_file)
  return {
    allowedHosts: settings.allowed_hosts,
    trustedProxies: settings.trusted_proxies,
    ...(files !== undefined && { tls: { files, credentials: await loadCertificates(files) } }),
    ...(userFile !== '' && {
      authenticate: createBasicAuth({
        userFile: await openUserFile(userFile, { clock, log }),
        // Its own, so that a flood of logins over SSH does not keep the administrator out.
        passwords: createPasswords(),
        guesses: gate,
        clock,
        log,
      }),
    }),
  }
}

async function readLoginBanner(file: string): Promise<string | undefined> {
  if (file === '') return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`sftpd.login_banner_file: ${file} cannot be read (${code})`, { cause: error })
  }
}
