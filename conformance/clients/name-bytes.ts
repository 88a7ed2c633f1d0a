import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { SSH_FX, SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import { checkSame } from '../harness/check.ts'
import { tempDir } from '../harness/temp.ts'
import { CodecClient, expectKind } from './codec-client.ts'

/** Where even a system that keeps /tmp in memory has a disk. */
const DISK = '/var/tmp'
const LENGTH = 255
const SLASH = 0x2f
const BYTES = Array.from({ length: 0xff }, (_, i) => i + 1).filter((byte) => byte !== SLASH)

/** All bytes that a name may hold are 254, so one of them comes twice. */
const EVERY_BYTE = Buffer.from([...BYTES, 0x01])

const SETS: readonly { what: string; names: readonly Buffer[] }[] = [
  { what: 'a name of every byte but "/"', names: [EVERY_BYTE, Buffer.from(EVERY_BYTE.toReversed())] },
  {
    what: 'names of one byte 255 times, for every byte but "/"',
    names: BYTES.map((byte) => Buffer.alloc(LENGTH, byte)),
  },
]

export const NAME_BYTES: readonly Case[] = SETS.map(({ what, names }): Case => ({
  name: `${what}: created, listed, read, renamed and removed on a real disk`,
  async run(context) {
    const place = await context.place({ home: await tempDir(context.scope, DISK) })
    const { home } = place
    const client = await CodecClient.open(context, place)
    for (const name of names) {
      const { handle } = await client.request(
        { kind: 'open', filename: text(name), pflags: SSH_FXF.WRITE | SSH_FXF.CREAT | SSH_FXF.EXCL, attrs: {} },
        'handle',
      )
      await client.ask({ kind: 'write', handle, offset: 0n, data: [name] })
      await client.ask({ kind: 'close', handle })
      checkSame((await readFile(path(home, name))).equals(name), true, `contents of ${text(name)} on the disk`)
    }
    checkSame((await readdir(home, { encoding: 'latin1' })).toSorted(), names.map(text).toSorted(), 'names on the disk')
    checkSame((await listed(client)).toSorted(), names.map(text).toSorted(), 'names listed')
    for (const name of names) {
      const { attrs } = await client.request({ kind: 'stat', path: text(name) }, 'attrs')
      checkSame(attrs.size, BigInt(LENGTH), `size of ${text(name)}`)
      await client.ask({ kind: 'rename', oldpath: text(name), newpath: 'plain' })
      checkSame((await lstat(join(home, 'plain'))).size, LENGTH, 'size of the renamed file on the disk')
      await client.ask({ kind: 'rename', oldpath: 'plain', newpath: text(name) })
      await client.ask({ kind: 'remove', filename: text(name) })
      await client.ask({ kind: 'mkdir', path: text(name), attrs: {} })
      const { entries } = await client.request({ kind: 'realpath', path: text(name) }, 'name')
      checkSame(entries[0]?.filename.endsWith(`/${text(name)}`), true, `realpath of ${text(name)} ends with it`)
      checkSame((await lstat(path(home, name))).isDirectory(), true, `${text(name)} is a directory on the disk`)
      await client.ask({ kind: 'rmdir', path: text(name) })
    }
    checkSame(await readdir(home), [], 'home at the end')
  },
}))

async function listed(client: CodecClient): Promise<string[]> {
  const { handle } = await client.request({ kind: 'opendir', path: '.' }, 'handle')
  const names: string[] = []
  for (;;) {
    await client.send({ kind: 'readdir', handle })
    const reply = await client.reply()
    if (reply.kind === 'status' && reply.code === SSH_FX.EOF) break
    names.push(...expectKind(reply, 'name').entries.map(({ filename }) => filename))
  }
  await client.ask({ kind: 'close', handle })
  return names.filter((name) => name !== '.' && name !== '..')
}

/** As the codec has names: a character a byte. */
function text(name: Buffer): string {
  return name.toString('latin1')
}

function path(home: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${home}/`), name])
}
