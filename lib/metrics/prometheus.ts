import { readFile } from 'node:fs/promises'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { watchEventLoop } from './event-loop.ts'
import type { Exposition, Gauges, LoginMethod, Metrics, Operation } from './metrics.ts'

const OPERATIONS: readonly Operation[] = ['upload', 'download']
const METHODS: readonly LoginMethod[] = ['password', 'public_key']
/** Statuses that Prometheus' own handler counts from its start. */
const SCRAPE_CODES = ['200', '500', '503']
/** From a file in one packet to a night's backup. */
const TRANSFER_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 7200, 28_800]
/** In powers of 16 from 1 KiB, as far as files grow. */
const TRANSFER_BYTES = [2 ** 10, 2 ** 14, 2 ** 18, 2 ** 22, 2 ** 26, 2 ** 30, 2 ** 34, 2 ** 38]
/** A key takes milliseconds, argon2id about 50, bcrypt of cost 14 nearly a second, and a queue of them more. */
const LOGIN_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const DELAY_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
/** What "unlimited" is in /proc. */
const NO_LIMIT_BYTES = 2 ** 64 - 1

export interface PrometheusOptions {
  gauges: Gauges
  build: { version: string; commit: string }
  clock: Clock
}

/** One name and what it is, for the manual. */
export interface Described {
  name: string
  type: string
  labels: readonly string[]
  help: string
}

export interface Prometheus extends Metrics, Exposition {
  /** Everything that is exposed, by name. */
  describe(): Promise<Described[]>
  /** Measures nothing any more by itself. */
  stop(): void
}

/** Figures for Prometheus, in a registry of their own; those that SFTPGo has keep its names, types and meaning. */
export function createPrometheus({ gauges, build, clock }: PrometheusOptions): Prometheus {
  const registry = new Registry()
  const registers = [registry]
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const ended = (what: string, of: string) => ({
    ok: counter(`sftpgo_${what}s_total`, `${of} that ended well.`),
    bytes: counter(`sftpgo_${what}_size`, `Bytes moved by the ${what}s that ended well.`),
    failed: counter(`sftpgo_${what}_errors_total`, `${of} that failed.`),
  })
  const logins = (prefix: string, of: string) => ({
    attempts: counter(`sftpgo_${prefix}login_attempts_total`, `Checks of a ${of}.`),
    ok: counter(`sftpgo_${prefix}login_ok_total`, `Logins with a ${of}.`),
    ko: counter(`sftpgo_${prefix}login_ko_total`, `Refusals of a ${of}.`),
  })

  const available = new Gauge({
    name: 'sftpgo_dataprovider_availability',
    help: 'Whether the data provider could be reached when it was last asked (1) or not (0).',
    registers,
  })
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read())
      },
    })
  gauge('sftpgo_active_connections', 'SSH connections that transfer files or run a command.', () =>
    gauges.activeConnections(),
  )
  gauge('sftpgo_open_connections', 'Connections to the SFTP server, logged in or not.', () => gauges.openConnections())
  gauge('sftpgo_bans', 'Addresses that are banned.', () => gauges.bans())
  registry.registerMetric(
    new Gauge({
      name: 'sftpgo_active_transfers',
      help: 'Files that are being read or written.',
      labelNames: ['operation'],
      registers: [],
      collect() {
        for (const operation of OPERATIONS) this.set({ operation }, gauges.activeTransfers(operation))
      },
    }),
  )
  const buildInfo = new Gauge({
    name: 'sftpgo_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'commit'],
    registers,
  })
  buildInfo.set({ version: build.version, commit: build.commit }, 1)

  const transfers = { upload: ended('upload', 'Uploads'), download: ended('download', 'Downloads') }
  const transferSeconds = new Histogram({
    name: 'sftpgo_transfer_duration_seconds',
    help: 'How long a file was open, transfers that failed included.',
    labelNames: ['operation'],
    buckets: TRANSFER_SECONDS,
    registers,
  })
  const transferBytes = new Histogram({
    name: 'sftpgo_transfer_size_bytes',
    help: 'Bytes moved while a file was open, transfers that failed included.',
    labelNames: ['operation'],
    buckets: TRANSFER_BYTES,
    registers,
  })
  const throttledSeconds = new Counter({
    name: 'sftpgo_throttled_seconds_total',
    help: 'Seconds for which transfers were held back to keep their bandwidth, summed over the transfers.',
    labelNames: ['operation'],
    registers,
  })
  for (const operation of OPERATIONS) {
    transferSeconds.zero({ operation })
    transferBytes.zero({ operation })
    throttledSeconds.inc({ operation }, 0)
  }

  const allLogins = logins('', 'password or public key')
  const loginsBy = {
    password: logins('password_', 'password'),
    public_key: logins('public_key_', 'public key'),
  }
  const loginSeconds = new Histogram({
    name: 'sftpgo_login_duration_seconds',
    help: 'How long it took to let somebody in, or not, once a password or a signature of a key was there.',
    labelNames: ['method'],
    buckets: LOGIN_SECONDS,
    registers,
  })
  for (const method of METHODS) loginSeconds.zero({ method })

  const commands = new Counter({
    name: 'sftpgo_ssh_commands_total',
    help: 'SSH commands that were run, by whether their exit status was 0 (ok) or not (error).',
    labelNames: ['command', 'result'],
    registers,
  })

  const requests = {
    all: counter('sftpgo_http_req_total', 'HTTP requests.'),
    ok: counter('sftpgo_http_req_ok_total', 'HTTP requests that were answered 200 to 299.'),
    client: counter('sftpgo_http_client_errors_total', 'HTTP requests that were answered 400 to 499.'),
    server: counter('sftpgo_http_server_errors_total', 'HTTP requests that were answered 500 or more.'),
  }

  const delaySeconds = new Histogram({
    name: 'sftpgo_event_loop_delay_seconds',
    help: 'How late the server had its turn, asked twice a second.',
    buckets: DELAY_SECONDS,
    registers,
  })
  const stopWatching = watchEventLoop(clock, (ms) => delaySeconds.observe(ms / 1000))

  const scrapes = new Counter({
    name: 'promhttp_metric_handler_requests_total',
    help: 'Times that these figures were asked for, by the status of the answer.',
    labelNames: ['code'],
    registers,
  })
  for (const code of SCRAPE_CODES) scrapes.inc({ code }, 0)
  const scraping = new Gauge({
    name: 'promhttp_metric_handler_requests_in_flight',
    help: 'Answers with these figures that are being made.',
    registers,
  })
  collectDefaultMetrics({ register: registry })
  gauge('process_virtual_memory_max_bytes', 'Maximum amount of virtual memory available in bytes.', addressSpaceBytes)

  return {
    login(method) {
      const started = clock.monotonic()
      return (ok) => {
        for (const counters of [allLogins, loginsBy[method]]) {
          counters.attempts.inc()
          counters[ok ? 'ok' : 'ko'].inc()
        }
        loginSeconds.observe({ method }, (clock.monotonic() - started) / 1000)
      }
    },
    transferEnded({ operation, ok, sizeBytes, elapsedMs }) {
      const counters = transfers[operation]
      if (ok) {
        counters.ok.inc()
        counters.bytes.inc(sizeBytes)
      } else {
        counters.failed.inc()
      }
      transferSeconds.observe({ operation }, elapsedMs / 1000)
      transferBytes.observe({ operation }, sizeBytes)
    },
    throttled: (operation, waitedMs) => throttledSeconds.inc({ operation }, waitedMs / 1000),
    commandEnded: (command, ok) => commands.inc({ command, result: ok ? 'ok' : 'error' }),
    httpRequest(status) {
      requests.all.inc()
      if (status >= 200 && status < 300) requests.ok.inc()
      if (status >= 400 && status < 500) requests.client.inc()
      if (status >= 500) requests.server.inc()
    },
    providerChecked: (is) => available.set(is ? 1 : 0),

    contentType: registry.contentType,
    async text() {
      scraping.inc()
      try {
        const text = await registry.metrics()
        scrapes.inc({ code: '200' })
        return text
      } catch (error) {
        scrapes.inc({ code: '500' })
        throw error
      } finally {
        scraping.dec()
      }
    },
    async describe() {
      const labels = new Map<string, Set<string>>()
      for (const { name, values } of await registry.getMetricsAsJSON()) {
        // `le` and `quantile` are of the type, not of what is measured.
        const own = values.flatMap((value) => Object.keys(value.labels)).filter((key) => !/^(le|quantile)$/.test(key))
        labels.set(name, new Set(own))
      }
      return registry
        .getMetricsAsArray()
        .map(({ name, type, help }) => ({ name, type: String(type), help, labels: [...(labels.get(name) ?? [])] }))
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    },
    stop: stopWatching,
  }
}

/** The limit of this process; none where the system has no /proc. */
async function addressSpaceBytes(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max address space\s+(\S+)/m.exec(limits)?.[1]
  return soft === undefined || soft === 'unlimited' ? NO_LIMIT_BYTES : Number(soft)
}
