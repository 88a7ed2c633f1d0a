import { createHash } from 'node:crypto'

import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { refused, reply, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import { NotOffered } from '../failure.ts'
import { pattern } from '../tree.ts'

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const
const NEEDS = ['check-file']
const SECTION = 'extensions draft §3'
const CONTENT = pattern(10_000)

interface Range {
  offset?: bigint
  length?: bigint
  blockSize?: number
}

/** Node's own hashes of the blocks that the range is cut into. */
function hashes(algorithm: string, content: Buffer, { offset = 0n, length = 0n, blockSize = 0 }: Range): Buffer {
  const end = length === 0n ? content.length : Math.min(content.length, Number(offset + length))
  const part = content.subarray(Number(offset), end)
  const step = blockSize === 0 ? Math.max(part.length, 1) : blockSize
  const digests: Buffer[] = []
  for (let at = 0; at < part.length || at === 0; at += step) {
    digests.push(
      createHash(algorithm)
        .update(part.subarray(at, at + step))
        .digest(),
    )
  }
  return Buffer.concat(digests)
}

function hashed(algorithm: string, expected: Buffer): Expected {
  return reply('checkFileReply', `${algorithm}, ${expected.length} bytes of hashes as node:crypto has them`, (came) => {
    return came.kind === 'checkFileReply' && came.algorithm === algorithm && came.hashes.equals(expected)
  })
}

const RANGES: ({ what: string; size?: number } & Range)[] = [
  { what: 'a whole file' },
  { what: 'an empty file', size: 0 },
  { what: 'the beginning', length: 100n },
  { what: 'the middle', offset: 1000n, length: 3000n },
  { what: 'an offset to the end', offset: 9999n },
  { what: 'a length over the end', offset: 5000n, length: 1_000_000n },
  { what: 'blocks of 256 bytes', blockSize: 256 },
  { what: 'blocks of 4096 bytes, the last one shorter', blockSize: 4096 },
  { what: 'blocks longer than the file', blockSize: 1_000_000 },
  { what: 'blocks of the middle', offset: 100n, length: 2000n, blockSize: 512 },
  { what: 'blocks of 300 bytes from an odd offset', offset: 7n, blockSize: 300 },
]

async function checked(context: Context, by: 'name' | 'handle', range: Range, algorithms: string, expect: Expected) {
  const { offset = 0n, length = 0n, blockSize = 0 } = range
  const what = { algorithms, offset, length, blockSize }
  if (by === 'name') await context.expect({ kind: 'checkFileName', filename: context.at('f'), ...what }, expect)
  else await context.expect({ kind: 'checkFileHandle', handle: await context.open('f', SSH_FXF.READ), ...what }, expect)
}

function announced(context: Context, algorithm: string): void {
  const names = context.extensions.get('check-file')?.toString('latin1').split(',') ?? []
  if (!names.includes(algorithm)) throw new NotOffered(`check-file does not announce ${algorithm}`)
}

const BY = ['name', 'handle'] as const

export const CHECK_FILE_CASES: readonly Case[] = [
  ...BY.flatMap((by) =>
    ALGORITHMS.map((algorithm): Case => ({
      name: `check-file-${by} gives the ${algorithm} of a file`,
      section: SECTION,
      needs: NEEDS,
      async run(context) {
        announced(context, algorithm)
        await context.file('f', CONTENT)
        await checked(context, by, {}, algorithm, hashed(algorithm, hashes(algorithm, CONTENT, {})))
      },
    })),
  ),
  ...BY.flatMap((by) =>
    RANGES.map(({ what, size, ...range }): Case => ({
      name: `check-file-${by} hashes ${what}`,
      section: SECTION,
      needs: NEEDS,
      async run(context) {
        announced(context, 'sha256')
        const content = CONTENT.subarray(0, size ?? CONTENT.length)
        await context.file('f', content)
        await checked(context, by, range, 'sha256', hashed('sha256', hashes('sha256', content, range)))
      },
    })),
  ),
  {
    name: 'check-file takes the first hash of the list that it knows',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      announced(context, 'sha1')
      await context.file('f', CONTENT)
      const expected = hashed('sha1', hashes('sha1', CONTENT, {}))
      await checked(context, 'name', {}, 'unknown,sha1,md5', expected)
    },
  },
  {
    name: 'check-file without a hash that it knows is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.file('f', CONTENT)
      await checked(context, 'name', {}, 'unknown,crc9', status('OP_UNSUPPORTED', 'FAILURE'))
      await checked(context, 'name', {}, '', status('OP_UNSUPPORTED', 'FAILURE'))
    },
  },
  ...[1, 255].map((blockSize): Case => ({
    name: `check-file with blocks of ${blockSize} bytes is refused`,
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.file('f', CONTENT)
      await checked(context, 'name', { blockSize }, 'md5', refused)
    },
  })),
  {
    name: 'check-file from behind the end is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.file('f', CONTENT)
      await checked(context, 'name', { offset: 10_001n }, 'md5', refused)
    },
  },
  {
    name: 'check-file-name of a directory is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ f: 'directory' })
      await checked(context, 'name', {}, 'md5', refused)
    },
  },
  {
    name: 'check-file-name follows a link',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ g: { file: 'text' }, f: { link: 'g' } })
      await checked(context, 'name', {}, 'md5', hashed('md5', hashes('md5', Buffer.from('text'), {})))
    },
  },
  {
    name: 'check-file-handle of a handle that only writes is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.file('f', CONTENT)
      const opened = await context.open('f', SSH_FXF.WRITE)
      const what = { algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 }
      await context.expect({ kind: 'checkFileHandle', handle: opened, ...what }, refused)
    },
  },
  {
    name: 'check-file sees what was written before it on the same handle',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      announced(context, 'md5')
      const opened = await context.open('f', 0x0b)
      const write = context.client.prepare({ kind: 'write', handle: opened, offset: 0n, data: [CONTENT] })
      const what = { algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 }
      const check = context.client.prepare({ kind: 'checkFileHandle', handle: opened, ...what })
      context.client.send(Buffer.concat([write.packet, check.packet]))
      await context.expect(check.reply, hashed('md5', hashes('md5', CONTENT, {})))
    },
  },
]
