import { REQUESTS } from '../../../protocol/sftp/packets.ts'
import type { Case } from '../case.ts'
import { attrs, either, ended, status } from '../expected.ts'

/** Types that version 3 does not define, some of which later versions or other peers use. */
const TYPES: { type: number; what: string }[] = [
  { type: 0, what: '0' },
  { type: 21, what: '21, LINK of version 6' },
  { type: 22, what: '22, BLOCK of version 6' },
  { type: 23, what: '23, UNBLOCK of version 6' },
  { type: 99, what: '99' },
  { type: 150, what: '150' },
  { type: 199, what: '199' },
  { type: 202, what: '202' },
  { type: 210, what: '210, for local use' },
  { type: 255, what: '255, for local use' },
]

/** What a server sends is no request. */
const RESPONSES: { type: number; what: string }[] = [
  { type: 2, what: 'VERSION' },
  { type: 101, what: 'STATUS' },
  { type: 102, what: 'HANDLE' },
  { type: 103, what: 'DATA' },
  { type: 104, what: 'NAME' },
  { type: 105, what: 'ATTRS' },
  { type: 201, what: 'EXTENDED_REPLY' },
]

const UNSUPPORTED = status('OP_UNSUPPORTED')

const EXTENSIONS: { what: string; name: string }[] = [
  { what: 'an unknown name', name: 'unknown@example.com' },
  { what: 'an empty name', name: '' },
  { what: 'a known name in capitals', name: 'POSIX-RENAME@OPENSSH.COM' },
  { what: 'a known name with a blank behind it', name: 'statvfs@openssh.com ' },
  { what: 'a name of 1000 bytes', name: 'x'.repeat(1000) },
  { what: 'a name with a NUL byte', name: 'statvfs@openssh.com\0' },
  { what: 'a name that is not UTF-8', name: '\xff\xfe@example.com' },
  { what: 'the name of a property of objects', name: '__proto__' },
]

function named(name: string): Buffer {
  const body = Buffer.alloc(4 + name.length)
  body.writeUInt32BE(name.length)
  body.write(name, 4, 'latin1')
  return body
}

export const UNKNOWN_CASES: readonly Case[] = [
  ...TYPES.map(({ type, what }): Case => ({
    name: `packet type ${what} is answered with OP_UNSUPPORTED`,
    section: '§7',
    async run(context) {
      await context.expect(context.client.rawOrSilence(type, Buffer.from('any body')), UNSUPPORTED)
      await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  })),
  ...RESPONSES.map(({ type, what }): Case => ({
    name: `${what}, which only servers send, is refused`,
    section: '§7',
    note: 'Not a request: OP_UNSUPPORTED as for unknown types, or the end of the session.',
    async run(context) {
      const body = Buffer.concat([Buffer.alloc(4), named('text'), named('')])
      await context.expect(
        context.client.rawOrSilence(type, body),
        either(status('OP_UNSUPPORTED', 'BAD_MESSAGE'), ended),
      )
    },
  })),
  ...EXTENSIONS.map(({ what, name }): Case => ({
    name: `EXTENDED with ${what} is answered with OP_UNSUPPORTED`,
    section: '§8',
    ...(name.includes('\0') && { note: 'OpenSSH ends the session for a NUL byte.' }),
    async run(context) {
      const expected = name.includes('\0') ? either(UNSUPPORTED, ended) : UNSUPPORTED
      const came = context.client.raw(REQUESTS.limits.type, named(name))
      await context.expect(came, expected)
      if ((await came).kind === 'status') await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  })),
  {
    name: 'EXTENDED with an unknown name and much data is answered with OP_UNSUPPORTED',
    section: '§8',
    async run(context) {
      const body = Buffer.concat([named('unknown@example.com'), Buffer.alloc(30_000, 0xff)])
      await context.expect(context.client.raw(REQUESTS.limits.type, body), UNSUPPORTED)
    },
  },
  {
    name: '200 unknown extensions in a row get 200 replies',
    section: '§8',
    async run(context) {
      const asked = Array.from({ length: 200 }, () => context.client.raw(REQUESTS.limits.type, named('no@example.com')))
      for (const reply of asked) await context.expect(reply, UNSUPPORTED)
    },
  },
  {
    name: 'vendor-id is taken politely or is unknown',
    section: 'draft 13 §4.4',
    note: 'Not announced by servers: OpenSSH does not know it, others take note of it.',
    async run(context) {
      await context.expect(
        { kind: 'vendorId', vendor: 'Example', product: 'Suite', version: '1.0', build: 7n },
        status('OK', 'OP_UNSUPPORTED'),
      )
      await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  },
]
