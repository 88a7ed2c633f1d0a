import { describe, expect, test } from 'vitest'
import { BadRequest, decodeRequest, encodeRequest, encodeResponse } from '../../protocol/sftp/codec.ts'
import { Deframer } from '../../protocol/sftp/deframer.ts'
import type { SftpDriver } from '../../protocol/sftp/server.ts'
import { BadMessage } from '../../protocol/wire/bad-message.ts'
import { CODECS } from './decode.ts'
import type { Codecs } from './decode.ts'
import { describeFailure, fuzz } from './run.ts'
import { createServer } from './session.ts'
import type { CreateEngine, Engine } from './session.ts'

const nobody = (): void => undefined

/** The engine, doing to its driver what it should not. */
function driving(change: (driver: SftpDriver) => Partial<SftpDriver>): CreateEngine {
  return (options) => {
    const { driver } = options
    const right: SftpDriver = {
      send: (bytes, sent) => driver.send(bytes, sent),
      resume: () => driver.resume(),
      fail: (reason) => driver.fail(reason),
      report: (error, request) => driver.report(error, request),
      active: () => driver.active(),
      now: () => driver.now(),
    }
    return createServer({ ...options, driver: { ...right, ...change(driver) } })
  }
}

/** The engine, its own methods replaced. */
function doing(change: (engine: Engine) => Partial<Engine>): CreateEngine {
  return (options) => {
    const engine = createServer(options)
    const { receive, end, abandon } = change(engine)
    return {
      receive: receive ?? ((chunk) => engine.receive(chunk)),
      end: end ?? (() => engine.end()),
      abandon: abandon ?? (() => engine.abandon()),
      get openHandles() {
        return engine.openHandles
      },
    }
  }
}

const BROKEN_ENGINES: { name: string; rules: string[]; createEngine: CreateEngine }[] = [
  {
    name: 'answers twice',
    rules: ['reply-to-nothing', 'order'],
    createEngine: driving((driver) => ({
      send(bytes, sent) {
        driver.send(bytes, sent)
        driver.send(Buffer.from(bytes), nobody)
      },
    })),
  },
  {
    name: 'loses a reply',
    rules: ['no-reply', 'order', 'reply-to-nothing'],
    createEngine: driving((driver) => {
      let count = 0
      return { send: (bytes, sent) => (++count % 5 === 0 ? void setImmediate(sent) : driver.send(bytes, sent)) }
    }),
  },
  {
    name: 'answers under an id of its own',
    rules: ['reply-to-nothing'],
    createEngine: driving((driver) => ({
      send(bytes, sent) {
        if (bytes[4] !== 2) bytes.writeUInt32BE(bytes.readUInt32BE(5) ^ 0x55555555, 5)
        driver.send(bytes, sent)
      },
    })),
  },
  {
    name: 'answers with what nobody asked for',
    rules: ['reply'],
    createEngine: driving((driver) => ({
      send(bytes, sent) {
        if (bytes[4] === 105) bytes[4] = 102
        driver.send(bytes, sent)
      },
    })),
  },
  {
    name: 'changes a reply that is not sent yet',
    rules: ['changed-reply'],
    createEngine: driving((driver) => ({
      send(bytes, sent) {
        driver.send(bytes, sent)
        bytes[0] = 1
      },
    })),
  },
  {
    name: 'fails twice',
    rules: ['fail-twice'],
    createEngine: driving((driver) => ({
      fail(reason) {
        driver.fail(reason)
        driver.fail(reason)
      },
    })),
  },
  {
    name: 'does not fail',
    rules: ['fail'],
    createEngine: driving(() => ({ fail: nobody })),
  },
  {
    name: 'fails without a fault of the client',
    rules: ['fail'],
    createEngine: driving((driver) => ({ active: () => driver.fail(new BadMessage('none')) })),
  },
  {
    name: 'goes on after it failed',
    rules: ['late-reply'],
    createEngine: driving((driver) => ({
      fail(reason) {
        driver.fail(reason)
        driver.send(Buffer.from('0000000a65000000010000000000', 'hex'), nobody)
      },
    })),
  },
  {
    name: 'reports a failure of its own',
    rules: ['exception'],
    createEngine: driving((driver) => ({
      active: () => driver.report(new TypeError('x is undefined'), { kind: 'limits', id: 1 }),
    })),
  },
  { name: 'never resumes', rules: ['stall'], createEngine: driving(() => ({ resume: nobody })) },
  {
    name: 'resumes what does not stand still',
    rules: ['resume'],
    createEngine: driving((driver) => ({ active: () => driver.resume() })),
  },
  {
    name: 'reads on whatever is pending',
    rules: ['pending', 'resume'],
    createEngine: doing((engine) => ({ receive: (chunk) => engine.receive(chunk) || true })),
  },
  {
    name: 'throws',
    rules: ['exception'],
    createEngine: doing(() => ({
      receive() {
        throw new RangeError('out of range')
      },
    })),
  },
  { name: 'never ends', rules: ['hang'], createEngine: doing(() => ({ end: () => new Promise(nobody) })) },
  {
    name: 'leaves files open',
    rules: ['left-open', 'late-reply', 'no-reply'],
    createEngine: doing((engine) => ({
      // Says that it is over without ending anything.
      end: () => (engine.openHandles > 0 ? Promise.resolve() : engine.end()),
    })),
  },
]

const BROKEN_CODECS: { name: string; rule: string; codecs: Partial<Codecs> }[] = [
  {
    name: 'frames longer packets than it should',
    rule: 'framing',
    codecs: { deframer: (maxPacketBytes) => new Deframer(2 * maxPacketBytes) },
  },
  {
    name: 'throws something else than BadMessage',
    rule: 'exception',
    codecs: {
      decodeRequest(head, tail) {
        if (head.length > 60) throw new RangeError('out of range')
        return decodeRequest(head, tail)
      },
    },
  },
  { name: 'forgets the rest of a WRITE', rule: 'cut', codecs: { decodeRequest: (head) => decodeRequest(head) } },
  {
    name: 'refuses without the id that it could read',
    rule: 'decode',
    codecs: {
      decodeRequest(head, tail) {
        try {
          return decodeRequest(head, tail)
        } catch (error) {
          throw error instanceof BadRequest ? new BadMessage(error.message) : error
        }
      },
    },
  },
  {
    name: 'encodes something else than it decodes',
    rule: 'encode',
    codecs: {
      encodeRequest: (request) =>
        encodeRequest(request.kind === 'read' ? { ...request, len: request.len >>> 1 } : request),
    },
  },
  {
    name: 'loses the end of a response',
    rule: 'encode',
    codecs: { encodeResponse: (response) => encodeResponse(response).subarray(0, -1) },
  },
]

describe('the judge finds out', () => {
  test.each(BROKEN_ENGINES)('an engine that $name', async ({ rules, createEngine }) => {
    const { failure } = await fuzz({ mode: 'session', seed: 1, inputs: 1000, minimiseAttempts: 0, createEngine })
    expect(rules).toContain(failure?.violation.rule)
  })

  test.each(BROKEN_CODECS)('a codec that $name', async ({ rule, codecs }) => {
    const judged = { ...CODECS, ...codecs }
    const { failure } = await fuzz({ mode: 'decode', seed: 1, inputs: 5000, minimiseAttempts: 0, codecs: judged })
    expect(failure?.violation.rule).toBe(rule)
  })
})

describe('a failing input', () => {
  const createEngine = doing((engine) => ({
    receive(chunk) {
      if (chunk.includes('/loop')) throw new RangeError('out of range')
      return engine.receive(chunk)
    },
  }))

  test('is reduced to what it takes to fail', async () => {
    const { failure } = await fuzz({ mode: 'session', seed: 1, inputs: 2000, createEngine })
    expect(Buffer.concat(failure?.minimised.segments ?? []).toString('latin1')).toBe('/loop')
  })

  test('is printed with its bytes and the command that replays it', async () => {
    const { failure } = await fuzz({ mode: 'session', seed: 1, inputs: 2000, createEngine })
    if (failure === undefined) throw new Error('nothing failed')
    const lines = describeFailure(failure).split('\n')
    expect(lines[0]).toBe(`FAILED session input ${failure.seed}: exception: RangeError: out of range`)
    expect(lines).toContain('  2f6c6f6f70')
    expect(lines.at(-1)).toBe(`replay: node dist/conformance/fuzz/main.js --mode session --replay ${failure.seed}`)
    const replayed = await fuzz({ mode: 'session', seed: failure.seed, inputs: 1, createEngine })
    expect(replayed.failure?.violation.message).toBe(failure.violation.message)
  })
})
