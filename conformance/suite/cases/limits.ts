import { frame } from '../../../protocol/sftp/codec.ts'
import { SSH_FXF, SSH_FXP } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { attrs, either, ended, handle, ok, reply, someOf, status } from '../expected.ts'
import { NotOffered } from '../failure.ts'
import { pattern } from '../tree.ts'

const { READ, WRITE, CREAT, TRUNC } = SSH_FXF
const LIMITS = ['limits@openssh.com']
/** Opening more than this many files shows nothing that fewer do not. */
const MAX_TRIED_HANDLES = 4096

async function limits(context: Context): Promise<{ packet: number; read: number; write: number; handles: number }> {
  const came = await context.must({ kind: 'limits' }, 'limitsReply')
  return {
    packet: Number(came.maxPacketLength),
    read: Number(came.maxReadLength),
    write: Number(came.maxWriteLength),
    handles: Number(came.maxOpenHandles),
  }
}

/** An unknown extension filled up to `length` bytes, without the length field. */
function packetOf(length: number): Buffer {
  const name = 'fill@example.com'
  const packet = Buffer.alloc(length)
  packet[0] = SSH_FXP.EXTENDED
  packet.writeUInt32BE(0xabcdef, 1)
  packet.writeUInt32BE(name.length, 5)
  packet.write(name, 9)
  return packet
}

function fillsPacket(length: number, name: string): Case {
  return {
    name,
    section: '§3',
    async run(context) {
      const packet = packetOf(length)
      await context.expect(context.client.raw(SSH_FXP.EXTENDED, packet.subarray(5)), status('OP_UNSUPPORTED'))
    },
  }
}

function roundTrip(length: number): Case {
  return {
    name: `a WRITE of ${length} bytes is written whole`,
    section: '§6.4',
    ...(length > 32_768 && { needs: LIMITS }),
    async run(context) {
      if (length > 32_768 && (await limits(context)).write < length) throw new NotOffered('longer than announced')
      const content = pattern(length)
      const opened = await context.open('f', READ | WRITE | CREAT)
      await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [content] }, ok)
      context.sameBytes(await context.contentOf(opened), content, 'content')
    },
  }
}

export const LIMIT_CASES: readonly Case[] = [
  fillsPacket(34_000, 'a packet of 34000 bytes is read'),
  ...[1, 32_768, 65_536, 131_072, 261_120].map(roundTrip),
  {
    name: 'limits@openssh.com announces lengths that fit together',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    async run(context) {
      const announced = reply(
        'limitsReply',
        'limits: read and write fit into a packet of at least 34000 bytes',
        (came) => {
          if (came.kind !== 'limitsReply') return false
          const { maxPacketLength: packet, maxReadLength: read, maxWriteLength: write } = came
          return packet >= 34_000n && read > 0n && write > 0n && read < packet && write < packet
        },
      )
      await context.expect({ kind: 'limits' }, announced)
    },
  },
  {
    name: 'a packet of the announced maximum is read',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    async run(context) {
      const { packet } = await limits(context)
      const body = packetOf(packet).subarray(5)
      await context.expect(context.client.raw(SSH_FXP.EXTENDED, body), status('OP_UNSUPPORTED'))
    },
  },
  {
    name: 'a packet over the announced maximum is refused cleanly',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    note: 'OpenSSH ends the session; a status is right as well.',
    async run(context) {
      const { packet } = await limits(context)
      const client = await context.session()
      const asked = client.raw(SSH_FXP.EXTENDED, packetOf(packet + 1).subarray(5))
      await context.expect(asked, either(ended, status('BAD_MESSAGE', 'FAILURE', 'OP_UNSUPPORTED')))
      await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  },
  {
    name: 'a packet of 16 MiB is refused cleanly, and other sessions go on',
    section: '§3',
    async run(context) {
      const client = await context.session()
      client.send(frame(packetOf(16 * 1024 * 1024)))
      context.check(await client.endsWithin(), 'the session ends', 'it went on')
      await context.expect({ kind: 'stat', path: context.dir }, attrs())
    },
  },
  {
    name: 'a READ of the announced maximum gives that much',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    async run(context) {
      const { read } = await limits(context)
      const content = pattern(read + 1000)
      await context.file('f', content)
      const opened = await context.open('f', READ)
      const came = await context.expect({ kind: 'read', handle: opened, offset: 0n, len: read }, someOf(content))
      const bytes = came.kind === 'data' ? Buffer.concat(came.data) : Buffer.alloc(0)
      context.same(bytes.length, read, 'bytes')
    },
  },
  ...[65_536, 262_144, 1_048_576, 0x7fffffff, 0xffffffff].map((len): Case => ({
    name: `a READ of ${len} bytes gives what the server likes to give, and the right bytes`,
    section: '§6.4',
    async run(context) {
      const content = pattern(300_000)
      await context.file('f', content)
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len }, someOf(content))
      await context.expect({ kind: 'read', handle: opened, offset: 100_000n, len }, someOf(content.subarray(100_000)))
    },
  })),
  {
    name: 'the announced number of handles can be open, and one more is refused cleanly',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    async run(context) {
      const { handles } = await limits(context)
      if (handles === 0 || handles > MAX_TRIED_HANDLES) throw new NotOffered(`${handles} handles are announced`)
      await context.file('f', Buffer.from('text'))
      const open = { kind: 'open', filename: context.at('f'), pflags: READ, attrs: {} } as const
      const replies = await Promise.all(Array.from({ length: handles }, () => context.client.request(open)))
      const refused = replies.filter(({ kind }) => kind !== 'handle').length
      context.same(refused, 0, 'OPENs refused within the limit:')
      await context.expect(open, status('FAILURE'))
      const [first] = replies
      if (first?.kind === 'handle') await context.closed(first.handle)
      await context.expect(open, handle)
    },
  },
  {
    name: 'an OPEN refused for want of handles truncates and makes nothing',
    section: 'PROTOCOL 4.8',
    needs: LIMITS,
    async run(context) {
      const { handles } = await limits(context)
      if (handles === 0 || handles > MAX_TRIED_HANDLES) throw new NotOffered(`${handles} handles are announced`)
      await context.file('f', Buffer.from('text'))
      const client = await context.session()
      const open = { kind: 'open', filename: context.at('f'), pflags: READ, attrs: {} } as const
      await Promise.all(Array.from({ length: handles }, () => client.request(open)))
      const truncate = { ...open, pflags: WRITE | TRUNC }
      await context.expect(client.request(truncate), status('FAILURE'))
      const make = { ...open, filename: context.at('new'), pflags: WRITE | CREAT }
      await context.expect(client.request(make), status('FAILURE'))
      await context.shows({ f: { file: 'text' }, new: 'missing' })
    },
  },
]
