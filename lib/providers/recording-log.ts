import type { Log } from '../logging/log.ts'

/** For tests: keeps the internal records as `level message error` lines and drops the others. */
export function recordingLog(): Log & { lines: string[] } {
  const lines: string[] = []
  return {
    lines,
    app(_sender, level, message, context) {
      const error = context?.error instanceof Error ? ` ${context.error.message}` : ''
      lines.push(`${level} ${message}${error}`)
    },
    transfer() {},
    command() {},
    http() {},
    connectionFailed() {},
    async close() {},
  }
}
