import pino from 'pino'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { describeError } from './describe.ts'
import { openSink } from './destination.ts'
import type { Destination } from './destination.ts'
import { inert } from './inert.ts'
import type { ServerLog } from './log.ts'
import { localSeconds, millisecondStamp } from './time.ts'

export interface LogOptions {
  destination: Destination
  /** Whether app records at debug are written; the other categories always are. */
  verbose: boolean
  /** Gives the records their time. */
  now?: Clock
}

/**
 * Writes one JSON object a line, with the keys of SFTPGo: every category always has all of its own keys.
 * @throws Error with a one-line message when the log file cannot be opened; no call throws after that.
 */
export function createLog({ destination, verbose: initiallyVerbose, now: clock = systemClock }: LogOptions): ServerLog {
  let verbose = initiallyVerbose
  const stamp = millisecondStamp()
  const lines = pino(
    {
      level: 'debug',
      base: null,
      timestamp: () => `,"time":"${stamp(clock.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => sink.write(`${inert(line.slice(0, -1))}\n`) },
  )
  const log: ServerLog = {
    app(sender, level, message, { connectionId = '', error } = {}) {
      if (level === 'debug' && !verbose) return
      const text = [message, error === undefined ? '' : describeError(error)].filter((part) => part !== '').join(': ')
      const stack = level === 'debug' && error instanceof Error ? error.stack : undefined
      lines[level]({ sender, connection_id: connectionId, message: text === '' ? undefined : text, stack })
    },
    transfer(record) {
      const fields = {
        sender: record.sender,
        elapsed_ms: Math.round(record.elapsedMs),
        size_bytes: record.sizeBytes,
        username: record.username,
        file_path: record.filePath,
        connection_id: record.connectionId,
        protocol: record.protocol,
      }
      if (record.error === undefined) lines.info(fields)
      else lines.warn({ ...fields, error: record.error })
    },
    command(record) {
      const fields = {
        sender: record.sender,
        username: record.username,
        file_path: record.filePath,
        target_path: record.targetPath ?? '',
        filemode: record.filemode ?? '',
        uid: record.uid ?? -1,
        gid: record.gid ?? -1,
        access_time: record.accessTimeMs === undefined ? '' : localSeconds(record.accessTimeMs),
        modification_time: record.modificationTimeMs === undefined ? '' : localSeconds(record.modificationTimeMs),
        ssh_command: record.sshCommand ?? '',
        connection_id: record.connectionId,
        protocol: record.protocol,
      }
      if (record.error === undefined) lines.info(fields)
      else lines.warn({ ...fields, error: record.error })
    },
    http(record) {
      lines.info({
        sender: 'httpd',
        method: record.method,
        proto: record.proto,
        remote_addr: record.remoteAddr,
        request_id: record.requestId,
        uri: record.uri,
        user_agent: record.userAgent,
        resp_status: record.respStatus,
        resp_size: record.respSize,
        elapsed_ms: Math.round(record.elapsedMs),
      })
    },
    connectionFailed(record) {
      // At debug as in SFTPGo, yet always written: Fail2ban reads these records.
      lines.debug({
        sender: 'connection_failed',
        client_ip: record.clientIp,
        username: record.username,
        login_type: record.loginType,
        error: record.error,
      })
    },
    rotate: () => sink.rotate(),
    setVerbose(on) {
      verbose = on
    },
    close: () => sink.close(),
  }
  const sink = openSink(destination, {
    clock,
    tell: (message, error) => log.app('service', 'warn', message, { error }),
  })
  return log
}
