import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Case, Context, Place } from '../case.ts'
import { checkSame, check } from '../harness/check.ts'
import { startSftpgo } from '../harness/sftpgo-server.ts'
import type { SftpgoServer } from '../harness/sftpgo-server.ts'
import { waitUntil } from '../harness/wait.ts'
import { CodecClient } from './codec-client.ts'

const SESSIONS = 4
const UPLOADS_PER_SESSION = 25
const PART = Buffer.alloc(100_000, 'x')
const QUOTA = { quotaBytes: 1024 ** 3 }

/** What `upload_mode` leaves of uploads that a crash cut short. */
const MODES: readonly { mode: 0 | 1 | 2; leaves: 'the partial files' | 'nothing' }[] = [
  { mode: 0, leaves: 'the partial files' },
  { mode: 1, leaves: 'nothing' },
  { mode: 2, leaves: 'the partial files' },
]

export const CRASH: readonly Case[] = MODES.map(({ mode, leaves }): Case => ({
  name: `SIGKILL in the middle of ${SESSIONS * UPLOADS_PER_SESSION} uploads, upload_mode ${mode}: ${leaves} of them, no orphans, usage exact`,
  needs: 'virtual accounts',
  async run(context) {
    const server = await startSftpgo(context.scope, { sftpd: { upload_mode: mode } })
    const own = context.on(server)
    const [place, idle] = [await own.place(QUOTA), await own.place(QUOTA)]
    // Complete before the crash, so that it is there after it.
    await complete(own, place, 'done')
    await complete(own, idle, 'done')
    await waitUntil('the usage is stored', async () => (await usage(server, place)).files === 1, 15_000)

    await Promise.all(Array.from({ length: SESSIONS }, (_, session) => beginUploads(own, place, session)))
    const inFlight = join(server.configDir, 'in-flight')
    await waitUntil('only the uploads are in flight', async () => (await readdir(inFlight)).length === 1, 15_000)
    await server.kill()
    await server.start()
    // The account waits at its login until all is put right; a session shows that it is.
    await complete(own, place, 'after')
    await waitUntil('the usage is stored', async () => (await usage(server, place)).size === (await onDisk(place)).size)

    const names = await readdir(place.home)
    checkSame(
      names.filter((name) => name.startsWith('.sftpgo-upload')),
      [],
      'orphans',
    )
    const partial = leaves === 'nothing' ? 0 : SESSIONS * UPLOADS_PER_SESSION
    checkSame(names.length, 2 + partial, 'number of files')
    checkSame(await usage(server, place), await onDisk(place), 'usage stored')
    checkSame(await usage(server, idle), await onDisk(idle), 'usage stored of an account that did nothing')
    check(server.output().includes(lookedAfter(place)), 'the account was not looked after')
    check(!server.output().includes(lookedAfter(idle)), 'an idle account was looked after')
  },
}))

/** Uploads that are open, each with a part written and answered. */
async function beginUploads(context: Context, place: Place, session: number): Promise<void> {
  const client = await CodecClient.open(context, place)
  for (let n = 0; n < UPLOADS_PER_SESSION; n++) {
    const handle = await open(client, `part-${session}-${n}`)
    await client.ask({ kind: 'write', handle, offset: 0n, data: [PART] })
  }
}

async function complete(context: Context, place: Place, filename: string): Promise<void> {
  const client = await CodecClient.open(context, place)
  const handle = await open(client, filename)
  await client.ask({ kind: 'write', handle, offset: 0n, data: [PART] })
  await client.ask({ kind: 'close', handle })
}

async function open(client: CodecClient, filename: string): Promise<Buffer> {
  const pflags = SSH_FXF.WRITE | SSH_FXF.CREAT | SSH_FXF.TRUNC
  return (await client.request({ kind: 'open', filename, pflags, attrs: {} }, 'handle')).handle
}

async function usage(server: SftpgoServer, { username }: Place): Promise<{ size: unknown; files: unknown }> {
  const { used_quota_size: size, used_quota_files: files } = await server.account(username)
  return { size, files }
}

async function onDisk({ home }: Place): Promise<{ size: number; files: number }> {
  const names = await readdir(home)
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(home, name))).size))
  return { size: sizes.reduce((total, size) => total + size, 0), files: names.length }
}

/** Of the server's log, which is JSON. */
function lookedAfter({ username }: Place): string {
  return `after a crash: \\"${username}\\"`
}
