import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { checkSame, checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'

/** Names that something between the client's command line and the server's disk may spoil. */
const NAMES_TO_KEEP: readonly { what: string; name: string | Buffer; typed?: string }[] = [
  { what: 'with spaces', name: ' two  words and more ' },
  { what: 'in several scripts', name: 'żółć Ελλάδα 日本語 🎉.txt' },
  { what: 'with a composed letter', name: '\u00e9' },
  { what: 'with a decomposed letter', name: 'e\u0301' },
  { what: 'in latin1, which is not UTF-8', name: Buffer.from('caf\xe9 \xff\x80.bin', 'latin1') },
  { what: 'cut in the middle of a UTF-8 sequence', name: Buffer.from('e6 97', 'latin1') },
  { what: 'made of high bytes only', name: Buffer.from([0xfe, 0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80]) },
  { what: 'with wildcard characters', name: 'a*b?c[d]' },
  { what: 'with quotes', name: `it's "quoted"` },
  { what: 'with control characters', name: Buffer.from('a\x01\x07\x1b[31mb\x7f', 'latin1') },
  { what: 'of 255 bytes', name: 'n'.repeat(255) },
  // The client takes a word with a dash in front for options, quoted or not.
  { what: 'that begins with a dash', name: '-rf', typed: './-rf' },
  { what: 'of three dots', name: '...' },
  { what: 'with shell characters', name: '$(id);`id`|&<>' },
]

export const NAMES: readonly Case[] = NAMES_TO_KEEP.map(({ what, name, typed = name }): Case => ({
  name: `a name ${what} is kept by put, rename, mkdir, get, rm and rmdir`,
  async run(context) {
    const { home, local, client } = await context.place()
    const bytes = Buffer.isBuffer(name) ? name : Buffer.from(name)
    await writeRandomFile(join(local, 'a'), 10_000)
    const kept = (): Promise<Buffer[]> => readdir(home, { encoding: 'buffer' })

    checkSucceeded(await client.batch([command`put a ${typed}`]))
    checkSame(await kept(), [bytes], 'home after put')
    await checkSameFile(Buffer.concat([Buffer.from(`${home}/`), bytes]), join(local, 'a'), 'stored file')
    checkSucceeded(await client.batch([command`get ${typed} back`]))
    await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')

    checkSucceeded(await client.batch([command`rename ${typed} plain`]))
    checkSame(await kept(), [Buffer.from('plain')], 'home after rename away')
    checkSucceeded(await client.batch([command`rename plain ${typed}`]))
    checkSame(await kept(), [bytes], 'home after rename back')
    checkSucceeded(await client.batch([command`rm ${typed}`]))
    checkSame(await kept(), [], 'home after rm')

    checkSucceeded(await client.batch([command`mkdir ${typed}`, command`cd ${typed}`, command`put a`]))
    await writeFile(Buffer.concat([Buffer.from(`${home}/`), bytes, Buffer.from('/b')]), '')
    checkSucceeded(await client.batch([command`cd ${typed}`, command`rm a`, command`rm b`]))
    checkSame(await kept(), [bytes], 'home after mkdir')
    checkSucceeded(await client.batch([command`rmdir ${typed}`]))
    checkSame(await kept(), [], 'home after rmdir')
  },
}))
