import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import { LOOPBACK } from '../../conformance/harness/ports.ts'
import type { Scope } from '../../conformance/harness/scope.ts'

/**
 * Passes bytes on between its clients and a server, each `delayMs` later than it got them, and any number of them at
 * once: a long way, not a narrow one. Ends with the scope.
 * @returns the port of 127.0.0.1 to connect to.
 */
export async function startRelay(
  scope: Scope,
  target: { host: string; port: number },
  delayMs: number,
): Promise<number> {
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ host: target.host, port: target.port, noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      passOn(from, to, delayMs)
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, LOOPBACK, resolve))
  scope.defer(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  const { port } = listener.address() as AddressInfo
  return port
}

function passOn(from: Socket, to: Socket, delayMs: number): void {
  /** In order of arrival; null is the end. */
  const underWay: { due: number; chunk: Buffer | null }[] = []
  let armed = false
  const arm = (): void => {
    const [first] = underWay
    if (armed || first === undefined) return
    armed = true
    setTimeout(deliver, Math.max(0, first.due - performance.now()))
  }
  const deliver = (): void => {
    armed = false
    const now = performance.now()
    while (underWay[0] !== undefined && underWay[0].due <= now) {
      const { chunk } = underWay.shift() as { chunk: Buffer | null }
      if (chunk === null) to.end()
      else to.write(chunk)
    }
    arm()
  }
  const take = (chunk: Buffer | null): void => {
    underWay.push({ due: performance.now() + delayMs, chunk })
    arm()
  }
  from.on('data', take)
  from.on('end', () => take(null))
}
