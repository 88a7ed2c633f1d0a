import { readdir } from 'node:fs/promises'

import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { attrs, name, ok } from '../expected.ts'

const { WRITE, CREAT, EXCL } = SSH_FXF

/** Makes, lists, reads, resolves, renames and removes a file: the name must stay what it was, byte for byte. */
async function throughEverything(context: Context, filename: string): Promise<void> {
  const path = context.at(filename)
  await context.closed(await context.open(filename, WRITE | CREAT | EXCL))
  await context.expect({ kind: 'stat', path }, attrs({ size: 0n }))
  sameNames(context, await context.names(), [filename])
  const disk = context.onDisk('')
  if (disk !== undefined) await sameOnDisk(context, disk, filename)
  await context.expect({ kind: 'realpath', path }, name(path))
  await context.expect({ kind: 'rename', oldpath: path, newpath: context.at('plain') }, ok)
  await context.expect({ kind: 'rename', oldpath: context.at('plain'), newpath: path }, ok)
  await context.expect({ kind: 'remove', filename: path }, ok)
  sameNames(context, await context.names(), [])
}

async function sameOnDisk(context: Context, dir: Buffer, filename: string): Promise<void> {
  const found = await readdir(dir, { encoding: 'buffer' })
  sameNames(
    context,
    found.map((bytes) => bytes.toString('latin1')),
    [filename],
  )
}

function sameNames(context: Context, came: readonly string[], expected: readonly string[]): void {
  const text = (names: readonly string[]): string => JSON.stringify(names.toSorted())
  context.check(text(came) === text(expected), `names ${text(expected)}`, text(came))
}

function bytesFrom(first: number): number[] {
  return Array.from({ length: 16 }, (_, index) => first + index).filter((byte) => byte !== 0 && byte !== 0x2f)
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

/** A letter in front, as "." alone is no name for a file. */
const byteCases: Case[] = Array.from({ length: 16 }, (_, row) => row * 16).map((first) => ({
  name: `names with each of the bytes 0x${hex(first)} to 0x${hex(first + 15)} stay what they are`,
  section: '§6.2',
  async run(context: Context): Promise<void> {
    for (const byte of bytesFrom(first)) await throughEverything(context, `a${String.fromCharCode(byte)}z`)
  },
}))

const NAMES: { what: string; filename: string }[] = [
  { what: 'of 255 bytes', filename: 'n'.repeat(255) },
  { what: 'of 255 bytes that are not UTF-8', filename: '\xff'.repeat(255) },
  { what: 'that begins with a dot', filename: '.hidden' },
  { what: 'of three dots', filename: '...' },
  { what: 'that begins with a dash', filename: '-rf' },
  { what: 'that is a blank', filename: ' ' },
  { what: 'that ends with a blank and a dot', filename: 'name .' },
  { what: 'with a line break', filename: 'two\nlines' },
  { what: 'with a carriage return and an escape sequence', filename: '\r\x1b[31mred' },
  { what: 'with quotes', filename: `a'b"c\`d` },
  { what: 'with a backslash', filename: 'a\\b\\..\\c' },
  { what: 'with shell and glob characters', filename: '$(x)*?[a]{b};&|<>' },
  { what: 'with a colon, as drives and streams have', filename: 'C:name:stream' },
  { what: 'that Windows reserves', filename: 'CON' },
  { what: 'with a tilde', filename: '~root' },
  { what: 'with a percent escape', filename: '%2e%2e%2f%00' },
  { what: 'in UTF-8 with four-byte characters', filename: Buffer.from('Grüße-日本-😀').toString('latin1') },
  { what: 'in UTF-8, decomposed', filename: Buffer.from('e\u0301a\u0308').toString('latin1') },
  { what: 'with overlong UTF-8 of a slash', filename: 'a\xc0\xafb' },
  { what: 'with a lone surrogate in UTF-8', filename: '\xed\xa0\x80' },
  { what: 'with text that turns direction', filename: Buffer.from('a\u202etxt.exe').toString('latin1') },
  { what: 'with a byte order mark', filename: '\xef\xbb\xbfname' },
]

export const NAME_CASES: readonly Case[] = [
  ...byteCases,
  ...NAMES.map(({ what, filename }): Case => ({
    name: `a name ${what} stays what it is`,
    section: '§6.2',
    run: (context) => throughEverything(context, filename),
  })),
  {
    name: 'names that differ in case are different files',
    section: '§6.2',
    async run(context) {
      await context.given({ name: { file: 'small' }, NAME: { file: 'BIG' } })
      await context.shows({ name: { file: 'small' }, NAME: { file: 'BIG' } })
    },
  },
  {
    name: 'names that differ in normalisation are different files',
    section: '§6.2',
    async run(context) {
      const [composed, decomposed] = ['\xc3\xa9', 'e\xcc\x81']
      await context.given({ [composed]: { file: 'one' }, [decomposed]: { file: 'two' } })
      await context.shows({ [composed]: { file: 'one' }, [decomposed]: { file: 'two' } })
      sameNames(context, await context.names(), [composed, decomposed])
    },
  },
  {
    name: 'directories may have every byte in their names, too',
    section: '§6.2',
    async run(context) {
      const dir = Array.from({ length: 0x80 }, (_, index) => String.fromCharCode(0x80 + index)).join('')
      await context.given({ [dir]: 'directory', [`${dir}/f`]: { file: 'text' } })
      sameNames(context, await context.names(dir), ['f'])
      await context.shows({ [`${dir}/f`]: { file: 'text' } })
    },
  },
  {
    name: 'a link’s text may have every byte',
    section: '§6.10',
    async run(context) {
      const text = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join('')
      await context.link('l', text)
      await context.expect({ kind: 'readlink', path: context.at('l') }, name(text))
    },
  },
  {
    name: 'a path of 3000 bytes can be used',
    section: '§6.2',
    async run(context) {
      const part = 'd'.repeat(200)
      let dir = part
      while (dir.length < 2500) {
        await context.given({ [dir]: 'directory' })
        dir = `${dir}/${part}`
      }
      const path = dir.split('/').slice(0, -1).join('/')
      await context.given({ [`${path}/f`]: { file: 'deep' } })
      await context.shows({ [`${path}/f`]: { file: 'deep' } })
    },
  },
]
