import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { Connections } from '../connections/connections.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { SAMPLE_INTERVAL_MS } from './event-loop.ts'
import { figuresIn, typesIn } from './exposition.test.support.ts'
import { gaugesOf } from './gauges.ts'
import { meteredThrottle } from './metered-throttle.ts'
import type { Gauges } from './metrics.ts'
import { createPrometheus } from './prometheus.ts'

const NOTHING: Gauges = {
  activeConnections: () => 0,
  activeTransfers: () => 0,
  openConnections: () => 0,
  bans: async () => 0,
}

function measuring(gauges: Partial<Gauges> = {}) {
  const clock = new VirtualClock()
  const metrics = createPrometheus({
    gauges: { ...NOTHING, ...gauges },
    build: { version: '1.2.3', commit: 'abc' },
    clock,
  })
  onTestFinished(() => metrics.stop())
  const figures = async () => figuresIn(await metrics.text())
  return { clock, metrics, figures }
}

/** Name and type of what SFTPGo 0.9.4 exposes, from its start and without labels. */
const SFTPGO: [string, 'gauge' | 'counter'][] = [
  ['sftpgo_dataprovider_availability', 'gauge'],
  ['sftpgo_active_connections', 'gauge'],
  ['sftpgo_uploads_total', 'counter'],
  ['sftpgo_upload_size', 'counter'],
  ['sftpgo_upload_errors_total', 'counter'],
  ['sftpgo_downloads_total', 'counter'],
  ['sftpgo_download_size', 'counter'],
  ['sftpgo_download_errors_total', 'counter'],
  ...['', 'password_', 'public_key_'].flatMap((method) =>
    ['attempts', 'ok', 'ko'].map((what): [string, 'counter'] => [`sftpgo_${method}login_${what}_total`, 'counter']),
  ),
  ['sftpgo_http_req_total', 'counter'],
  ['sftpgo_http_req_ok_total', 'counter'],
  ['sftpgo_http_client_errors_total', 'counter'],
  ['sftpgo_http_server_errors_total', 'counter'],
]

describe('what SFTPGo exposes', () => {
  test.each(SFTPGO)('%s is a %s without labels, 0 from the start', async (name, type) => {
    const { metrics } = measuring()
    const text = await metrics.text()
    expect(typesIn(text)[name]).toBe(type)
    expect(figuresIn(text)[name]).toBe(0)
  })

  test('is in the text format 0.0.4', () => {
    expect(measuring().metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  test.each([
    'process_cpu_seconds_total',
    'process_open_fds',
    'process_max_fds',
    'process_resident_memory_bytes',
    'process_virtual_memory_bytes',
    'process_virtual_memory_max_bytes',
    'process_start_time_seconds',
  ])('%s is told of the process', async (name) => {
    expect((await measuring().figures())[name]).toBeGreaterThanOrEqual(0)
  })

  test('the scrapes are counted, the one under way as being in flight', async () => {
    const { figures } = measuring()
    const code = (status: number) => `promhttp_metric_handler_requests_total{code="${status}"}`
    expect(await figures()).toMatchObject({
      [code(200)]: 0,
      [code(500)]: 0,
      [code(503)]: 0,
      promhttp_metric_handler_requests_in_flight: 1,
    })
    expect((await figures())[code(200)]).toBe(1)
  })

  test('a gauge that fails is a failed scrape', async () => {
    const state = { broken: true }
    const { metrics, figures } = measuring({
      bans: async () => {
        if (state.broken) throw new Error('no answer')
        return 0
      },
    })
    await expect(metrics.text()).rejects.toThrow('no answer')
    state.broken = false
    expect(await figures()).toMatchObject({
      'promhttp_metric_handler_requests_total{code="500"}': 1,
      promhttp_metric_handler_requests_in_flight: 1,
    })
  })
})

test('two of them share nothing', async () => {
  const [one, other] = [measuring(), measuring()]
  one.metrics.httpRequest(200)
  expect((await one.figures())['sftpgo_http_req_total']).toBe(1)
  expect((await other.figures())['sftpgo_http_req_total']).toBe(0)
})

test('a login counts by its method and in all, once it is known how it ended', async () => {
  const { metrics, clock, figures } = measuring()
  const [first, second, third] = [metrics.login('password'), metrics.login('password'), metrics.login('public_key')]
  metrics.login('public_key')
  clock.advance(60)
  first(true)
  second(false)
  clock.advance(940)
  third(true)
  expect(await figures()).toMatchObject({
    sftpgo_login_attempts_total: 3,
    sftpgo_login_ok_total: 2,
    sftpgo_login_ko_total: 1,
    sftpgo_password_login_attempts_total: 2,
    sftpgo_password_login_ok_total: 1,
    sftpgo_password_login_ko_total: 1,
    sftpgo_public_key_login_attempts_total: 1,
    sftpgo_public_key_login_ok_total: 1,
    sftpgo_public_key_login_ko_total: 0,
    'sftpgo_login_duration_seconds_bucket{le="0.05",method="password"}': 0,
    'sftpgo_login_duration_seconds_bucket{le="0.1",method="password"}': 2,
    'sftpgo_login_duration_seconds_sum{method="public_key"}': 1,
  })
})

test('a transfer counts with its bytes where it ended well, and in the histograms however it ended', async () => {
  const { metrics, figures } = measuring()
  metrics.transferEnded({ operation: 'upload', ok: true, sizeBytes: 1000, elapsedMs: 100 })
  metrics.transferEnded({ operation: 'upload', ok: false, sizeBytes: 5000, elapsedMs: 2000 })
  metrics.transferEnded({ operation: 'download', ok: true, sizeBytes: 7, elapsedMs: 0 })
  expect(await figures()).toMatchObject({
    sftpgo_uploads_total: 1,
    sftpgo_upload_size: 1000,
    sftpgo_upload_errors_total: 1,
    sftpgo_downloads_total: 1,
    sftpgo_download_size: 7,
    sftpgo_download_errors_total: 0,
    'sftpgo_transfer_duration_seconds_sum{operation="upload"}': 2.1,
    'sftpgo_transfer_duration_seconds_count{operation="download"}': 1,
    'sftpgo_transfer_size_bytes_sum{operation="upload"}': 6000,
    'sftpgo_transfer_size_bytes_bucket{le="1024",operation="upload"}': 1,
  })
})

test('requests count by the class of their status; redirections in all alone', async () => {
  const { metrics, figures } = measuring()
  for (const status of [200, 201, 303, 400, 404, 499, 500, 503]) metrics.httpRequest(status)
  expect(await figures()).toMatchObject({
    sftpgo_http_req_total: 8,
    sftpgo_http_req_ok_total: 2,
    sftpgo_http_client_errors_total: 3,
    sftpgo_http_server_errors_total: 2,
  })
})

test('commands count by name and result', async () => {
  const { metrics, figures } = measuring()
  metrics.commandEnded('md5sum', true)
  metrics.commandEnded('scp', false)
  expect(await figures()).toMatchObject({
    'sftpgo_ssh_commands_total{command="md5sum",result="ok"}': 1,
    'sftpgo_ssh_commands_total{command="scp",result="error"}': 1,
  })
})

test('the provider is there, or not', async () => {
  const { metrics, figures } = measuring()
  metrics.providerChecked(true)
  expect((await figures())['sftpgo_dataprovider_availability']).toBe(1)
  metrics.providerChecked(false)
  expect((await figures())['sftpgo_dataprovider_availability']).toBe(0)
})

test('what is there is counted when somebody asks; two channels of one connection are one', async () => {
  const connections = new Connections(new VirtualClock())
  const channel = (connectionId: string) =>
    connections.add({
      connectionId,
      username: 'alice',
      clientVersion: 'SSH-2.0-x',
      remoteAddress: '192.0.2.1:1',
      protocol: 'SFTP',
      close: () => undefined,
    })
  const ban = { address: '192.0.2.1', sinceMs: 0, untilMs: 1, reason: 'x', refused: 0 }
  const gauges = gaugesOf({ connections, openConnections: () => 7, bans: { list: async () => [ban, ban] } })
  const { figures } = measuring(gauges)
  const one = channel('one')
  channel('one')
  channel('other').startTransfer('upload', '/b')
  const upload = one.startTransfer('upload', '/a')
  one.startTransfer('download', '/a')
  expect(await figures()).toMatchObject({
    sftpgo_active_connections: 2,
    sftpgo_open_connections: 7,
    sftpgo_bans: 2,
    'sftpgo_active_transfers{operation="upload"}': 2,
    'sftpgo_active_transfers{operation="download"}': 1,
    'sftpgo_build_info{version="1.2.3",commit="abc"}': 1,
  })
  upload.end()
  one.remove()
  expect(await figures()).toMatchObject({
    sftpgo_active_connections: 2,
    'sftpgo_active_transfers{operation="upload"}': 1,
    'sftpgo_active_transfers{operation="download"}': 0,
  })
})

test('what waits for its bandwidth is counted while it waits, also when it gives up', async () => {
  const { metrics, clock, figures } = measuring()
  const throttle = meteredThrottle(createThrottle(clock), metrics, clock)
  const take = { username: 'alice', direction: 'upload', transfer: 'a', bytes: 1000, bytesPerSecond: 1000 } as const
  const name = 'sftpgo_throttled_seconds_total{operation="upload"}'
  // What a pause has earned is taken without waiting.
  await throttle.take(take)
  expect((await figures())[name]).toBe(0)
  const waiting = throttle.take(take)
  clock.advance(2000)
  await waiting
  const waited = (await figures())[name] ?? 0
  expect(waited).toBeGreaterThan(0)
  const gone = new AbortController()
  const leaving = Array.from({ length: 9 }, () => throttle.take(take, gone.signal))
  clock.advance(1)
  gone.abort(new Error('gone'))
  const ended = await Promise.allSettled(leaving)
  expect(ended.some(({ status }) => status === 'rejected')).toBe(true)
  expect((await figures())[name]).toBeGreaterThan(waited)
  expect((await figures())['sftpgo_throttled_seconds_total{operation="download"}']).toBe(0)
})

test('the delay of the event loop is measured twice a second, until it is stopped', async () => {
  const { metrics, clock, figures } = measuring()
  clock.advance(SAMPLE_INTERVAL_MS * 4)
  expect(await figures()).toMatchObject({
    'sftpgo_event_loop_delay_seconds_bucket{le="0.001"}': 4,
    sftpgo_event_loop_delay_seconds_count: 4,
  })
  metrics.stop()
  expect(clock.timers).toBe(0)
})

test('a turn that comes late is told by how much', async () => {
  const clock = new VirtualClock()
  const metrics = createPrometheus({
    gauges: NOTHING,
    build: { version: '', commit: '' },
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, callback) => clock.after(ms + 200, callback),
    },
  })
  onTestFinished(() => metrics.stop())
  clock.advance(SAMPLE_INTERVAL_MS + 200)
  const figures = figuresIn(await metrics.text())
  expect(figures['sftpgo_event_loop_delay_seconds_sum']).toBeCloseTo(0.2)
  expect(figures['sftpgo_event_loop_delay_seconds_bucket{le="0.1"}']).toBe(0)
})

describe('the documents', () => {
  const DOCUMENT = new URL('README.md', import.meta.url)
  const DASHBOARD = new URL('grafana.json', import.meta.url)

  /** With a command and some garbage collected, so that their labels show. */
  async function described() {
    const { metrics } = measuring()
    metrics.commandEnded('pwd', true)
    return metrics.describe()
  }

  test('README.md lists what is exposed (UPDATE_DOCS=1 writes it anew)', async () => {
    const all = await described()
    const own = all.filter(({ name }) => /^(sftpgo|promhttp)_/.test(name))
    const rest = all.filter(({ name }) => !/^(sftpgo|promhttp)_/.test(name))
    const row = ({ name, type, labels, help }: (typeof all)[number]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`
    const text = [
      '# Metrics',
      '',
      'For Prometheus, at `/metrics` of the HTTP server, in the text format 0.0.4. Where a login is asked for, it is asked',
      'for here too (`basic_auth` in the scrape configuration). Those that SFTPGo 0.9.4 has keep their names, types and',
      'meaning, and have no labels; a key counts as a login once the client has proved that it holds it. `grafana.json`',
      'is a dashboard of them. This list is made by the tests.',
      '',
      '```yaml',
      'scrape_configs:',
      '  - job_name: sftpgo',
      '    static_configs:',
      "      - targets: ['127.0.0.1:8080']",
      '```',
      '',
      '| name | type | labels | what it tells |',
      '| --- | --- | --- | --- |',
      ...own.map(row),
      '',
      '## Of the process',
      '',
      '| name | type |',
      '| --- | --- |',
      ...rest.map(({ name, type }) => `| \`${name}\` | ${type} |`),
      '',
    ].join('\n')
    if (process.env['UPDATE_DOCS'] === '1') await writeFile(DOCUMENT, text)
    expect(unpadded(await readFile(DOCUMENT, 'utf8'))).toBe(unpadded(text))
  })

  test('grafana.json asks for nothing that is not exposed, and shows all that SFTPGo has', async () => {
    const dashboard: unknown = JSON.parse(await readFile(DASHBOARD, 'utf8'))
    const queries = queriesIn(dashboard)
    expect(queries.length).toBeGreaterThan(10)
    const exposed = new Set(
      (await described()).flatMap(({ name, type }) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
      ),
    )
    const asked = new Set(queries.flatMap((query) => query.match(/\b(?:sftpgo|process|nodejs)_\w+/g) ?? []))
    expect([...asked].filter((name) => !exposed.has(name))).toEqual([])
    expect(SFTPGO.map(([name]) => name).filter((name) => !asked.has(name))).toEqual([])
  })
})

/** Every `expr` in it, however deep. */
function queriesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    key === 'expr' && typeof child === 'string' ? [child] : queriesIn(child),
  )
}

/** Without what the formatter adds to tables. */
function unpadded(text: string): string {
  return text.replace(/ *\| */g, '|').replace(/-+/g, '-')
}
