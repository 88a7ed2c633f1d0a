import { SSH_FILEXFER_ATTR } from '../../protocol/sftp/constants.ts'
import type { Field } from './grammar.ts'
import type { Random } from './random.ts'
import type { Scratch } from './scratch.ts'

/** What later fields follow from earlier ones. */
export interface Story {
  /** One input in many carries data up to the packet limit. */
  big: boolean
  /** Where the last READ or WRITE ended: the next often continues it. */
  handle: number
  end: bigint
}

/** Bytes of an input behind which it gets no more data of that length. */
const BIG_BELOW = 768 * 1024

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Names that the sample filesystem has, lacks, or that no filesystem could have. */
const COMMON_PATHS = ['/a', '/a', '/b', '/d', '/d/a', '/d/e', '/link', '/new', '/many', 'a', '/', '.', ''].map(latin1)
const ODD_PATHS = [
  [
    '..',
    '../a',
    'd/../a',
    '//d//a/',
    '/d/./e/',
    '/d/a/../../b',
    '/dangling',
    '/loop',
    '/dlink/a',
    '/a/below',
    '/new/x',
  ],
  ['~', '~/a', '~user/d', '~other', '/-rf', '*'],
  ['/a\0b', '\0', '/\xff\xfe\x80', '/\xc3\xa9', '/new\n', '/ ', 'x'.repeat(255), `/${'x'.repeat(300)}`],
  [`/${'d/'.repeat(60)}`, '/..'.repeat(50), `/${'d/../'.repeat(900)}a`, `/${'y'.repeat(4094)}`, `/${'y'.repeat(4095)}`],
]
  .flat()
  .map(latin1)

const TEXTS: Readonly<Record<string, readonly Buffer[]>> = {
  algorithms: ['md5', 'sha1', 'sha256,md5', 'sha384', 'sha512', 'crc32', '', ',', 'crc32,sha1,'].map(latin1),
  username: ['', 'user', 'other', 'root'].map(latin1),
}
const COMMON_TEXTS = ['', 'en', 'posix-rename@openssh.com', '1', 'Success', 'OpenSSH', 'check-file'].map(latin1)
/** Not UTF-8 in some way: what they decode to encodes differently. */
const BROKEN_TEXTS = ['\xff', '\xc3', '\xed\xa0\x80', 'a\xf8b', '\xf0\x9f\x98'].map(latin1)
const VALID_TEXTS = [...COMMON_TEXTS, Buffer.from('é€😀'), Buffer.from('\ufeffmark'), latin1('\0')]

const UINT32S: Readonly<Record<string, readonly number[]>> = {
  pflags: [1, 1, 2, 3, 3, 0x1a, 0x1b, 0x0a, 0x0b, 0x2a, 0x06, 0x0e, 0, 4, 0x3f, 0xffffffff],
  len: [0, 1, 5, 16, 17, 100, 300, 32768, 261120, 261121, 0x7fffffff, 0xffffffff],
  blockSize: [0, 0, 256, 300, 255, 1, 0xffffffff],
  version: [3, 3, 3, 0, 1, 2, 4, 6, 0xffffffff],
}
export const ODD_UINT32S = [
  0, 1, 2, 4, 5, 255, 256, 0x7fff, 0xffff, 0x40000, 0x40001, 0x7fffffff, 0x80000000, 0xffffffff,
]
const ODD_UINT64S = [
  [255n, 65536n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n],
  [2n ** 63n - 1n, 2n ** 63n, 2n ** 63n + 1n, 2n ** 64n - 2n, 2n ** 64n - 1n],
].flat()

/** Writes one field with a value that is likely to mean something, or is at an edge. */
export function writeValue(out: Scratch, random: Random, { name, type }: Field, story: Story): void {
  switch (type) {
    case 'name':
      out.string(path(random))
      return
    case 'text':
      writeText(out, random, name)
      return
    case 'bytes':
      if (name.toLowerCase().endsWith('handle')) writeHandle(out, random, name, story)
      else writeNoise(out, random, random.oneIn(8) ? random.below(64) : 4 * random.below(5))
      return
    case 'payload':
      writePayload(out, random, story)
      return
    case 'uint32':
      writeUint32(out, random, name, story)
      return
    case 'uint64':
      writeOffset(out, random, name, story)
      return
    case 'attrs':
      writeAttrs(out, random)
      return
    case 'rest':
      noise(out, random, random.below(64))
      return
    case 'pairs':
      for (let count = random.below(4); count > 0; count--) {
        writeText(out, random, name)
        writeNoise(out, random, random.below(6))
      }
      return
    case 'entries': {
      const count = random.below(4)
      out.count(count)
      for (let index = 0; index < count; index++) {
        out.string(path(random))
        out.string(path(random))
        writeAttrs(out, random)
      }
    }
  }
}

export function noise(out: Scratch, random: Random, length: number): void {
  for (let index = 0; index < length; index++) out.byte(random.uint32() >>> 24)
}

function path(random: Random): Buffer {
  return random.oneIn(8) ? random.pick(ODD_PATHS) : random.pick(COMMON_PATHS)
}

function writeNoise(out: Scratch, random: Random, length: number): void {
  out.count(length)
  noise(out, random, length)
}

function writeText(out: Scratch, random: Random, name: string): void {
  if (random.oneIn(16)) {
    out.canonical = false
    out.string(random.pick(BROKEN_TEXTS))
  } else {
    out.string(random.pick(TEXTS[name] ?? VALID_TEXTS))
  }
}

/** The engine numbers its handles from 0, in four bytes. */
function writeHandle(out: Scratch, random: Random, name: string, story: Story): void {
  if (random.oneIn(24)) {
    writeNoise(out, random, random.pick([0, 1, 3, 5, 8, 255, 256, 257]))
    return
  }
  const handle = random.oneIn(3) ? story.handle : random.below(random.oneIn(6) ? 12 : 3)
  if (name === 'handle') story.handle = handle
  out.count(4)
  out.uint32(handle)
}

function writeUint32(out: Scratch, random: Random, name: string, story: Story): void {
  const value = random.oneIn(8) ? random.uint32() : random.pick(UINT32S[name] ?? ODD_UINT32S)
  if (name === 'len') story.end = BigInt.asUintN(64, story.end + BigInt(value))
  out.uint32(value)
}

function writeOffset(out: Scratch, random: Random, name: string, story: Story): void {
  const continues = name === 'offset' && random.oneIn(2)
  const usual = BigInt(name === 'length' && random.oneIn(3) ? 0 : random.below(400))
  const value = continues ? story.end : random.oneIn(6) ? random.pick(ODD_UINT64S) : usual
  if (name === 'offset') story.end = value
  out.uint64(value)
}

/**
 * Data of which the first bytes differ: enough to see a mix-up, without filling a packet each time. Behind
 * some 280 bytes a WRITE may come to the engine in parts.
 */
function writePayload(out: Scratch, random: Random, story: Story): void {
  const length =
    story.big && out.length < BIG_BELOW && random.oneIn(2)
      ? random.pick([261120, 262100, 65536, 300 + random.below(200000)])
      : random.below(random.oneIn(6) ? 700 : 48)
  out.count(length)
  const start = out.length
  noise(out, random, Math.min(length, 48))
  if (length > 48) out.bytes.fill(random.below(256), out.length, start + length)
  out.length = start + length
  story.end = BigInt.asUintN(64, story.end + BigInt(length))
}

function writeAttrs(out: Scratch, random: Random): void {
  let flags = random.oneIn(3) ? 0 : random.below(16)
  if (random.oneIn(12)) flags |= SSH_FILEXFER_ATTR.EXTENDED
  if (random.oneIn(24)) {
    flags |= 1 << (4 + random.below(27))
    out.canonical = false
  }
  out.uint32(flags >>> 0)
  if (flags & SSH_FILEXFER_ATTR.SIZE) out.uint64(random.oneIn(4) ? random.pick(ODD_UINT64S) : BigInt(random.below(500)))
  for (const flag of [SSH_FILEXFER_ATTR.UIDGID, SSH_FILEXFER_ATTR.ACMODTIME]) {
    if (flag === SSH_FILEXFER_ATTR.ACMODTIME && flags & SSH_FILEXFER_ATTR.PERMISSIONS) out.uint32(random.below(0o10000))
    if (!(flags & flag)) continue
    out.uint32(random.pick(ODD_UINT32S))
    out.uint32(random.uint32())
  }
  if (!(flags & SSH_FILEXFER_ATTR.EXTENDED)) return
  const count = random.below(3)
  out.count(count)
  for (let index = 0; index < count; index++) {
    out.string(path(random))
    writeNoise(out, random, random.below(8))
  }
}
