import { setTimeout as sleep } from 'node:timers/promises'

import { frame } from '../../../protocol/sftp/codec.ts'
import type { Case } from '../case.ts'
import type { Client } from '../client.ts'
import type { Context } from '../context.ts'
import { attrs, either, malformed, ok } from '../expected.ts'
import { SAMPLES, SAMPLE_TREE, sampleHandles } from './samples.ts'
import type { Sample } from './samples.ts'

/** Long enough that two pieces mostly arrive apart, short enough for some hundred of them. */
const PAUSE_MS = 1

interface Prepared {
  packet: Buffer
  sample: Sample
}

/** A packet of the sample over its own tree; the reply to it is looked for by the caller. */
async function prepare(context: Context, sample: Sample): Promise<Prepared> {
  await context.given(SAMPLE_TREE)
  const handles = await sampleHandles(context)
  const at = (name: string): string => context.at(name)
  return { packet: context.client.prepare(sample.request(at, handles), 0x77).packet, sample }
}

function needs({ needs: name }: Sample): { needs?: readonly string[] } {
  return name === undefined ? {} : { needs: [name] }
}

const inPieces = SAMPLES.map((sample): Case => ({
  name: `${sample.label} that arrives byte by byte is served`,
  section: '§3',
  ...needs(sample),
  async run(context) {
    await context.given(SAMPLE_TREE)
    const at = (name: string): string => context.at(name)
    const request = sample.request(at, await sampleHandles(context))
    const { packet, reply } = context.client.prepare(request)
    for (let index = 0; index < packet.length; index++) {
      context.client.send(packet.subarray(index, index + 1))
      if (index < 24) await sleep(PAUSE_MS)
    }
    await context.expect(reply, sample.expect(at))
  },
}))

const withTrailing = SAMPLES.map((sample): Case => ({
  name: `${sample.label} with bytes behind its fields is served or refused`,
  section: '§3',
  note: 'OpenSSH drops bytes behind the fields; refusing them as malformed is right as well.',
  ...needs(sample),
  async run(context) {
    await context.given(SAMPLE_TREE)
    const at = (name: string): string => context.at(name)
    const request = sample.request(at, await sampleHandles(context))
    const { packet, reply } = context.client.prepare(request)
    context.client.send(frame(Buffer.concat([packet.subarray(4), Buffer.from('trailing')])))
    await context.expect(reply, either(sample.expect(at), malformed))
  },
}))

/** Where a packet's body is cut: behind the id, within the first length, in the middle, before the last byte. */
function cuts(length: number): number[] {
  const places = [5, 7, Math.floor(length / 2), length - 1]
  return [...new Set(places)].filter((place) => place >= 5 && place < length)
}

const truncated = SAMPLES.filter(({ label }) => label !== 'limits@openssh.com').map((sample): Case => ({
  name: `${sample.label} with fields cut off is refused`,
  section: '§3',
  note: 'BAD_MESSAGE by the draft (§7); OpenSSH ends the session.',
  ...needs(sample),
  async run(context) {
    const { packet } = await prepare(context, sample)
    const body = packet.subarray(4)
    // The extension's name is no field of its own: without it there is no request to refuse.
    const nameEnd = body[0] === 200 ? 9 + body.readUInt32BE(5) : 5
    for (const cut of cuts(body.length).map((place) => Math.max(place, nameEnd))) {
      const client = await context.session()
      await context.expect(client.raw(body[0] ?? 0, body.subarray(5, cut)), malformed)
      await client.close()
    }
  },
}))

function stat(context: Context, client: Client): { packet: Buffer; reply: ReturnType<Client['request']> } {
  return client.prepare({ kind: 'stat', path: context.dir })
}

/** Followed by a packet that would be right: OpenSSH looks at a length once there is a byte behind it. */
const LENGTH_ZERO = Buffer.concat([Buffer.alloc(4), frame(Buffer.from('1100000001000000012f', 'hex'))])

const ENDS: { name: string; bytes: Buffer }[] = [
  { name: 'a length of 0', bytes: LENGTH_ZERO },
  { name: 'a length of 4 GiB', bytes: Buffer.from('ffffffff11', 'hex') },
  { name: 'a length of 2 GiB', bytes: Buffer.from('8000000011', 'hex') },
  { name: 'a length of 1 GiB', bytes: Buffer.from('4000000011', 'hex') },
  { name: 'HTTP instead of SFTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n') },
]

export const FRAMING_CASES: readonly Case[] = [
  ...inPieces,
  ...withTrailing,
  ...truncated,
  ...ENDS.map(({ name, bytes }): Case => ({
    name: `${name} ends the session, and this one alone`,
    section: '§3',
    async run(context) {
      const client = await context.session()
      client.send(bytes)
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
      await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  })),
  {
    name: 'a packet cut in two at every byte is served each time',
    section: '§3',
    async run(context) {
      const length = stat(context, context.client).packet.length
      for (let cut = 1; cut < length; cut++) {
        const { packet, reply } = stat(context, context.client)
        context.client.send(packet.subarray(0, cut))
        await sleep(PAUSE_MS)
        context.client.send(packet.subarray(cut))
        await context.expect(reply, attrs())
      }
    },
  },
  {
    name: 'a WRITE cut in two at every byte writes the same',
    section: '§3',
    async run(context) {
      const opened = await context.open('f', 0x1b)
      const content = Buffer.from('all of these bytes')
      const write = { kind: 'write', handle: opened, offset: 0n, data: [content] } as const
      const { length } = context.client.prepare(write).packet
      for (let cut = 1; cut < length; cut++) {
        await context.must({ kind: 'fsetstat', handle: opened, attrs: { size: 0n } }, 'status')
        const { packet, reply } = context.client.prepare(write)
        context.client.send(packet.subarray(0, cut))
        await sleep(PAUSE_MS)
        context.client.send(packet.subarray(cut))
        await context.expect(reply, ok)
        context.sameBytes(await context.contentOf(opened), content, 'content')
      }
    },
  },
  {
    name: '100 packets in one chunk are all served',
    section: '§3',
    async run(context) {
      const asked = Array.from({ length: 100 }, () => stat(context, context.client))
      context.client.send(Buffer.concat(asked.map(({ packet }) => packet)))
      for (const { reply } of asked) await context.expect(reply, attrs())
    },
  },
  {
    name: '100 packets in chunks of 7 bytes are all served',
    section: '§3',
    async run(context) {
      const asked = Array.from({ length: 100 }, () => stat(context, context.client))
      const bytes = Buffer.concat(asked.map(({ packet }) => packet))
      for (let at = 0; at < bytes.length; at += 7) context.client.send(bytes.subarray(at, at + 7))
      for (const { reply } of asked) await context.expect(reply, attrs())
    },
  },
  {
    name: 'a packet that stays incomplete waits without harm',
    section: '§3',
    async run(context) {
      const { packet, reply } = stat(context, context.client)
      context.client.send(packet.subarray(0, packet.length - 1))
      await sleep(100)
      context.same(context.client.unasked.length, 0, 'replies before the packet is complete:')
      context.client.send(packet.subarray(packet.length - 1))
      await context.expect(reply, attrs())
    },
  },
  {
    name: 'a stream that ends within a packet ends the session',
    section: '§3',
    async run(context) {
      const client = await context.session()
      client.send(stat(context, client).packet.subarray(0, 9))
      client.end()
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
    },
  },
  {
    name: 'requests before a packet that is malformed are served',
    section: '§3',
    async run(context) {
      const client = await context.session()
      const good = client.prepare({ kind: 'mkdir', path: context.at('d'), attrs: {} })
      client.send(Buffer.concat([good.packet, LENGTH_ZERO]))
      await context.expect(good.reply, ok)
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
      await context.shows({ d: 'directory' })
    },
  },
  {
    name: 'a packet of a type alone, without an id, ends the session',
    section: '§3',
    async run(context) {
      const client = await context.session()
      client.send(frame(Buffer.from([17])))
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
    },
  },
]
