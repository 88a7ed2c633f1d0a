import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  closed,
  connect,
  deferred,
  onMessages,
  openSftp,
  rawProtocol,
  startSshd,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

/** Sends keepalive@openssh.com, and resolves with how it was answered. */
async function askedIfAlive(client: Awaited<ReturnType<typeof connect>>): Promise<string> {
  const answered = deferred()
  let answer = ''
  const heard = (kind: string) => () => {
    answer = kind
    answered.resolve()
  }
  onMessages(client, { REQUEST_SUCCESS: heard('success'), REQUEST_FAILURE: heard('failure') })
  const protocol = rawProtocol(client) as unknown as { ping(): void }
  protocol.ping()
  await answered.promise
  return answer
}

describe('reliability 14: keepalives of the client', () => {
  test('are answered, with and without a session', async () => {
    const server = await startSshd()
    const client = await connect(server)
    expect(await askedIfAlive(client)).toBe('failure')
    await openSftp(client)
    expect(await askedIfAlive(client)).toBe('failure')
  })

  test('do not make it busy: it is disconnected to the second all the same', async () => {
    const server = await startSshd({ config: { idle_timeout: 1 } })
    const client = await connect(server)
    const gone = closed(client)
    await openSftp(client)
    for (let second = 0; second < 59; second++) {
      server.clock.advance(1000)
      if (second % 10 === 0) await askedIfAlive(client)
    }
    expect(server.log.lines.join()).not.toContain('idle')
    server.clock.advance(1000)
    await gone
    expect(server.log.lines).toContain('info idle for 1 minutes: disconnected')
  })
})

describe.runIf(process.platform === 'linux')('reliability 14: a connection whose other end is gone', () => {
  /** The timer of the server's side of the connection (proc(5), net/tcp): 2 is that of keepalives. */
  function timerOf(port: number): { kind: number; seconds: number } {
    const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
    const ESTABLISHED = '01'
    for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
      const [, from, , state, , timer = ''] = line.trim().split(/\s+/)
      const [kind = '', ticks = ''] = timer.split(':')
      // A tick of /proc is 10 ms.
      if (from === local && state === ESTABLISHED)
        return { kind: parseInt(kind, 16), seconds: parseInt(ticks, 16) / 100 }
    }
    throw new Error('no such connection')
  }

  test.each([30, 600])('is found by the system after %d seconds of silence', async (seconds) => {
    const server = await startSshd({ config: { keepalive_interval: seconds } })
    await connect(server)
    await expect.poll(() => timerOf(server.port).kind).toBe(2)
    const left = timerOf(server.port).seconds
    expect(left).toBeGreaterThan(seconds / 2)
    expect(left).toBeLessThanOrEqual(seconds + 1)
  })

  test('is not looked for when the interval is 0', async () => {
    const server = await startSshd({ config: { keepalive_interval: 0 } })
    await connect(server)
    await expect.poll(() => timerOf(server.port).kind).toBe(0)
  })
})
