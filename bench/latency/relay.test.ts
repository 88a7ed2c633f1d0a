import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'

import { Scope } from '../../conformance/harness/scope.ts'
import { startRelay } from './relay.ts'

test('what is sent arrives whole, in order, and late both ways', async () => {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  scope.defer(() => void echo.close())
  const { port } = echo.address() as AddressInfo
  const relay = await startRelay(scope, { host: '127.0.0.1', port }, 20)
  const client = connect({ host: '127.0.0.1', port: relay, allowHalfOpen: true })
  const start = performance.now()
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))
  client.end(sent)
  let firstByteMs = 0
  const received: Buffer[] = []
  for await (const chunk of client) {
    firstByteMs ||= performance.now() - start
    received.push(chunk as Buffer)
  }
  expect(Buffer.concat(received).equals(sent)).toBe(true)
  // Timers may fire a little early, by the millisecond that they are rounded to.
  expect(firstByteMs).toBeGreaterThan(38)
})
