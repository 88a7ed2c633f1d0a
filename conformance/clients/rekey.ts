import { open } from 'node:fs/promises'
import { join } from 'node:path'

import { SSH_FX, SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import { check, checkSame, checkSameFile, checkSucceeded } from '../harness/check.ts'
import { writeRandomFile } from '../harness/files.ts'
import { command } from '../harness/openssh-client.ts'
import { CodecClient, expectKind } from './codec-client.ts'

const MIB = 1024 * 1024
const BIG_MIB = 256
const WRITE_BYTES = 32 * 1024
/** Less than one every MiB: what is under way when a client asks for new keys still comes with the old ones. */
const LEAST_EXCHANGES = BIG_MIB / 4
const TIMEOUT_MS = 100_000

/** New keys in the middle of transfers, which nothing may be lost, doubled or stuck at. */
export const REKEY: readonly Case[] = [
  ...(['put', 'get'] as const).map((direction): Case => ({
    name: `rekey: OpenSSH's client with RekeyLimit 1M: ${direction} of ${BIG_MIB} MiB is intact`,
    async run(context) {
      const { home, local, client } = await context.place({}, 2.5 * BIG_MIB * MIB)
      const [source, target] = direction === 'put' ? [local, home] : [home, local]
      await writeRandomFile(join(source, 'a'), BIG_MIB * MIB)
      const result = await client.batch([direction === 'put' ? command`put a` : command`get a`], {
        options: ['RekeyLimit=1M'],
        args: ['-v'],
        timeoutMs: TIMEOUT_MS,
      })
      checkSucceeded(result)
      await checkSameFile(join(target, 'a'), join(source, 'a'))
      const exchanges = [...result.stderr.matchAll(/SSH2_MSG_NEWKEYS received/g)].length
      check(exchanges >= LEAST_EXCHANGES, `there were only ${exchanges} key exchanges`)
    },
  })),
  ...[false, true].map((rekeying): Case => ({
    name: `two writes of 32 KiB before each read of a reply${rekeying ? ', with new keys every MiB' : ''}: ${BIG_MIB} MiB are intact`,
    async run(context) {
      const place = await context.place({}, 2.5 * BIG_MIB * MIB)
      await writeRandomFile(join(place.local, 'a'), BIG_MIB * MIB)
      const client = await CodecClient.open(context, place)
      await upload(client, join(place.local, 'a'), rekeying)
      await checkSameFile(join(place.home, 'a'), join(place.local, 'a'))
    },
  })),
]

/** Replies pile up on the server's side, half of them unread when the last write is out. */
async function upload(client: CodecClient, source: string, rekeying: boolean): Promise<void> {
  const { handle } = await client.request(
    { kind: 'open', filename: 'a', pflags: SSH_FXF.WRITE | SSH_FXF.CREAT, attrs: {} },
    'handle',
  )
  const unanswered = new Set<number>()
  const takeReply = async (): Promise<void> => {
    const { id, code } = expectKind(await client.reply(), 'status')
    checkSame(code, SSH_FX.OK, 'status of a write')
    check(unanswered.delete(id), `a reply to ${id}, which was not asked or is answered already`)
  }
  const file = await open(source)
  try {
    for (let offset = 0; offset < BIG_MIB * MIB;) {
      if (rekeying && offset % MIB === 0) client.rekey()
      for (let i = 0; i < 2; i++, offset += WRITE_BYTES) {
        const { buffer: data } = await file.read(Buffer.alloc(WRITE_BYTES), 0, WRITE_BYTES, offset)
        unanswered.add(await client.send({ kind: 'write', handle, offset: BigInt(offset), data: [data] }))
      }
      await takeReply()
    }
  } finally {
    await file.close()
  }
  while (unanswered.size > 0) await takeReply()
  await client.ask({ kind: 'close', handle })
}
