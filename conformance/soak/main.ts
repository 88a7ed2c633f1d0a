import { randomInt } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { check } from '../harness/check.ts'
import { writeRandomFile } from '../harness/files.ts'
import { generateKey } from '../harness/keys.ts'
import { command, OpenSshClient } from '../harness/openssh-client.ts'
import { openDescriptors } from '../harness/proc.ts'
import { residentKib } from '../harness/resident.ts'
import type { Scope } from '../harness/scope.ts'
import { startSftpgo } from '../harness/sftpgo-server.ts'
import type { SftpgoServer } from '../harness/sftpgo-server.ts'
import { tempDir } from '../harness/temp.ts'
import { waitUntil } from '../harness/wait.ts'
import { positiveInteger } from '../options.ts'
import { growth, mib } from './verdict.ts'
import type { Holding } from './verdict.ts'
import { VISITS } from './visits.ts'
import type { Visitor } from './visits.ts'

const VISITORS = 4
const SAMPLE_EVERY_MS = 5000
/** Lines of the table that is printed. */
const SHOWN_SAMPLES = 15
const KIB = 1024
/** So large that it is never reached, which makes the server count all the same. */
const QUOTA_BYTES = 1024 ** 4

/** `--soak MINUTES`. @returns the exit code: 1 when something of what the server holds grows, or is left. */
export async function soakMain(scope: Scope, args: readonly string[]): Promise<number> {
  const [text = '30', ...rest] = args
  if (rest.length > 0) throw new Error(`--soak takes a number of minutes, not ${args.join(' ')}`)
  const minutes = positiveInteger('--soak', text)
  const home = await tempDir(scope)
  const server = await startSftpgo(scope)
  const key = await generateKey(scope, await tempDir(scope), 'soak', 'ed25519')
  const account = { username: 'soak', home, publicKeys: [key.publicKey], quotaBytes: QUOTA_BYTES }
  const username = await server.addAccount(account)
  const visitors = await Promise.all(
    Array.from({ length: VISITORS }, async (_, n): Promise<Visitor> => {
      const local = await tempDir(scope)
      const files = { small: 'small', middle: 'middle', large: 'large' }
      await writeRandomFile(join(local, files.small), 4 * KIB)
      await writeRandomFile(join(local, files.middle), 4 * KIB * KIB)
      await writeRandomFile(join(local, files.large), 48 * KIB * KIB)
      const folder = `visitor-${n}`
      await mkdir(join(home, folder))
      const login = { username, privateKeyFiles: [key.privateKeyFile] }
      return { client: new OpenSshClient(scope, server, login, { cwd: local }), folder, local, files }
    }),
  )

  const started = performance.now()
  const before = await hold(server, started)
  const until = started + minutes * 60_000
  const during: Holding[] = []
  const counts = new Map(VISITS.map(({ name }) => [name, 0]))
  const over = new AbortController()
  const sampling = (async () => {
    while (!over.signal.aborted) {
      during.push(await hold(server, started))
      await sleep(SAMPLE_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  })()
  await Promise.all(
    visitors.map(async (visitor) => {
      while (performance.now() < until) {
        const visit = VISITS[randomInt(VISITS.length)]
        if (visit === undefined) continue
        await visit.run(visitor)
        counts.set(visit.name, (counts.get(visit.name) ?? 0) + 1)
      }
      await visitor.client.batch([command`-rm ${`${visitor.folder}/killed`}`])
    }),
  )
  over.abort()
  await sampling
  await waitUntil('all connections are gone', async () => (await connections(server)) === 0)
  const after = await hold(server, started)

  for (const line of report(before, during, after, counts)) console.log(line)
  const left = (await Promise.all(visitors.map(({ folder }) => readdir(join(home, folder))))).flat()
  check(left.length === 0, `files are left in the home: ${left.join(', ')}`)
  const { used_quota_size: size, used_quota_files: files } = await server.account(username)
  check(size === 0 && files === 0, `the home is empty, and ${String(size)} bytes in ${String(files)} files are counted`)
  const found = growth(before, during, after)
  console.log(found.length === 0 ? 'flat; the used quota is what is on the disk' : found.join('\n'))
  return found.length === 0 ? 0 : 1
}

function report(
  before: Holding,
  during: readonly Holding[],
  after: Holding,
  counts: ReadonlyMap<string, number>,
): string[] {
  const step = Math.max(1, Math.ceil(during.length / SHOWN_SAMPLES))
  const shown = [before, ...during.filter((_, n) => n % step === step - 1), after]
  return [
    ...[...counts].map(([name, count]) => `${String(count).padStart(6)} x ${name}`),
    '',
    'seconds  memory MiB  descriptors  connections',
    ...shown.map(
      ({ atSeconds, residentKib: kib, descriptors, connections: open }) =>
        `${atSeconds.toFixed(0).padStart(7)}  ${mib(kib).padStart(10)}  ${String(descriptors).padStart(11)}  ${String(open).padStart(11)}`,
    ),
    '',
  ]
}

async function hold(server: SftpgoServer, started: number): Promise<Holding> {
  return {
    atSeconds: (performance.now() - started) / 1000,
    residentKib: residentKib(server.pid),
    descriptors: openDescriptors(server.pid),
    connections: await connections(server),
  }
}

async function connections(server: SftpgoServer): Promise<number> {
  return (await server.connections()).length
}
