import { frame } from '../../../protocol/sftp/codec.ts'
import { SSH_FXP } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import { attrs, describe, either, ended, ok, reply, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import type { Unnumbered } from '../client.ts'

function version(lowest: number, highest: number): Expected {
  const text = lowest === highest ? `VERSION ${lowest}` : `VERSION ${lowest} to ${highest}`
  return reply('version', text, (came) => came.kind === 'version' && came.version >= lowest && came.version <= highest)
}

const INIT_VERSIONS: { sent: number; expect: Expected; note?: string }[] = [
  ...[0, 1, 2].map((sent) => ({
    sent,
    expect: either(version(0, 3), ended),
    note: 'The draft asks for the lesser of both versions; OpenSSH says 3 whatever the client says.',
  })),
  { sent: 3, expect: version(3, 3) },
  ...[4, 5, 6, 0xffffffff].map((sent) => ({ sent, expect: version(3, Math.min(sent, 6)) })),
]

/** What OpenSSH's PROTOCOL file says the data of each pair is. */
const EXTENSION_VERSIONS: { name: string; data: string; section: string }[] = [
  { name: 'posix-rename@openssh.com', data: '1', section: 'PROTOCOL 4.3' },
  { name: 'statvfs@openssh.com', data: '2', section: 'PROTOCOL 4.4' },
  { name: 'fstatvfs@openssh.com', data: '2', section: 'PROTOCOL 4.4' },
  { name: 'hardlink@openssh.com', data: '1', section: 'PROTOCOL 4.5' },
  { name: 'fsync@openssh.com', data: '1', section: 'PROTOCOL 4.6' },
  { name: 'lsetstat@openssh.com', data: '1', section: 'PROTOCOL 4.7' },
  { name: 'limits@openssh.com', data: '1', section: 'PROTOCOL 4.8' },
  { name: 'expand-path@openssh.com', data: '1', section: 'PROTOCOL 4.9' },
  { name: 'copy-data', data: '1', section: 'PROTOCOL 4.10' },
  { name: 'home-directory', data: '1', section: 'PROTOCOL 4.11' },
  { name: 'users-groups-by-id@openssh.com', data: '1', section: 'PROTOCOL 4.12' },
]

const PAIRS: { name: string; extensions: { name: string; data: Buffer }[] }[] = [
  { name: 'one unknown extension', extensions: [{ name: 'unknown@example.com', data: Buffer.from('1') }] },
  { name: 'an extension with empty name and data', extensions: [{ name: '', data: Buffer.alloc(0) }] },
  {
    name: '100 unknown extensions',
    extensions: Array.from({ length: 100 }, (_, index) => ({ name: `x-${index}@example.com`, data: Buffer.from('1') })),
  },
]

const BEFORE_INIT: Unnumbered[] = [
  { kind: 'stat', path: '/' },
  { kind: 'realpath', path: '.' },
  { kind: 'opendir', path: '/' },
  { kind: 'open', filename: 'never-made', pflags: 0x1a, attrs: {} },
  { kind: 'mkdir', path: 'never-made', attrs: {} },
  { kind: 'limits' },
]

const IDS = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]

export const VERSION_CASES: readonly Case[] = [
  ...INIT_VERSIONS.map(({ sent, expect, note }): Case => ({
    name: `INIT with version ${sent} is answered with VERSION`,
    section: '§4',
    ...(note !== undefined && { note }),
    async run(context) {
      const client = await context.session({ init: false })
      await context.expect(client.init(sent), expect)
    },
  })),
  ...PAIRS.map(({ name, extensions }): Case => ({
    name: `INIT with ${name} is answered with VERSION 3`,
    section: '§4',
    async run(context) {
      const client = await context.session({ init: false })
      await context.expect(client.init(3, extensions), version(3, 3))
      await context.expect(client.request({ kind: 'stat', path: context.dir }), attrs())
    },
  })),
  ...EXTENSION_VERSIONS.map(({ name, data, section }): Case => ({
    name: `VERSION announces ${name} as version ${data}`,
    section,
    needs: [name],
    async run(context) {
      context.same(context.extensions.get(name)?.toString('latin1'), data, 'data of the pair')
    },
  })),
  {
    name: 'VERSION announces no extension twice',
    section: '§4',
    async run(context) {
      const client = await context.session({ init: false })
      const came = await context.expect(client.init(), version(3, 3))
      const names = came.kind === 'version' ? came.extensions.map(({ name }) => name) : []
      const twice = names.find((name, index) => names.indexOf(name) !== index)
      context.check(twice === undefined, 'each name once', `${twice} twice`)
    },
  },
  {
    name: 'INIT without its version is refused',
    section: '§4',
    async run(context) {
      const client = await context.session({ init: false })
      client.send(frame(Buffer.from([SSH_FXP.INIT])))
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
    },
  },
  {
    name: 'INIT with a pair cut short does not hang',
    section: '§4',
    note: 'OpenSSH does not look at the pairs of INIT; refusing them is right as well.',
    async run(context) {
      const client = await context.session({ init: false })
      const { packet, reply: answer } = client.prepare({
        kind: 'init',
        version: 3,
        extensions: [{ name: 'cut@example.com', data: Buffer.from('12345678') }],
      })
      const cut = packet.subarray(4, packet.length - 3)
      client.send(frame(cut))
      await context.expect(answer, either(version(3, 3), ended))
    },
  },
  {
    name: 'a second INIT is answered with VERSION or ends the session',
    section: '§4',
    note: 'The draft says nothing of it; OpenSSH answers again.',
    async run(context) {
      const came = await context.expect(
        context.client.init(),
        either(version(3, 3), status('FAILURE', 'BAD_MESSAGE'), ended),
      )
      if (came.kind === 'version') {
        await context.expect({ kind: 'stat', path: context.dir }, attrs())
      }
    },
  },
  ...BEFORE_INIT.map((request): Case => ({
    name: `${request.kind.toUpperCase()} before INIT is not served`,
    section: '§4',
    note: 'OpenSSH ends the session; a status that says so is right as well.',
    async run(context) {
      const client = await context.session({ init: false })
      await context.expect(
        client.request(request),
        either(ended, status('BAD_MESSAGE', 'NO_CONNECTION', 'CONNECTION_LOST', 'FAILURE')),
      )
    },
  })),
  {
    name: 'VERSION comes before the replies to requests sent along with INIT',
    section: '§4',
    async run(context) {
      const client = await context.session({ init: false })
      const init = client.prepare({ kind: 'init', version: 3, extensions: [] })
      const stats = [1, 2, 3].map(() => client.prepare({ kind: 'stat', path: context.dir }))
      client.send(Buffer.concat([init, ...stats].map(({ packet }) => packet)))
      for (const stat of stats) await context.expect(stat.reply, attrs())
      const [first] = client.received
      context.same(first && describe(first), 'VERSION 3', 'first reply')
    },
  },
  {
    name: 'the end of the client’s stream ends the session',
    section: '§3',
    async run(context) {
      const client = await context.session()
      client.end()
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
    },
  },
  {
    name: 'of the requests sent before the end of the client’s stream the first ones are executed',
    section: '§3',
    note: 'OpenSSH drops what it had not begun when it sees the end; none may be executed without those before it.',
    async run(context) {
      const client = await context.session()
      const made = ['a', 'b', 'c', 'd', 'e']
      const packets = made.map((path) => client.prepare({ kind: 'mkdir', path: context.at(path), attrs: {} }).packet)
      client.send(Buffer.concat(packets))
      client.end()
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
      const there = (await context.names()).toSorted().join('')
      context.check('abcde'.startsWith(there), 'directories made in order, without gaps', there)
    },
  },
  ...IDS.map((id): Case => ({
    name: `the reply carries request id ${id}`,
    section: '§6',
    async run(context) {
      const { packet, reply: answer } = context.client.prepare({ kind: 'stat', path: context.dir }, id)
      context.client.send(packet)
      await context.expect(answer, attrs())
    },
  })),
  {
    name: 'two requests with the same id get two replies with that id',
    section: '§6',
    async run(context) {
      const first = context.client.prepare({ kind: 'mkdir', path: context.at('d'), attrs: {} }, 77)
      const second = context.client.prepare({ kind: 'rmdir', path: context.at('d') }, 77)
      context.client.send(Buffer.concat([first.packet, second.packet]))
      await context.expect(first.reply, ok)
      await context.expect(second.reply, ok)
      context.same(context.client.unasked.length, 0, 'replies nobody asked for:')
    },
  },
]
