import { randomInt } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { check, checkSameFile } from '../harness/check.ts'
import { command } from '../harness/openssh-client.ts'
import type { OpenSshClient } from '../harness/openssh-client.ts'
import type { Finished } from '../harness/processes.ts'

/** What a visitor has: a folder of its own on each side, and files that it sends. */
export interface Visitor {
  client: OpenSshClient
  /** On the server. */
  folder: string
  local: string
  /** Names in `local`. */
  files: { small: string; middle: string; large: string }
}

/** One visit of a client to the server; leaves nothing behind, unless it was killed. */
export interface Visit {
  name: string
  run(visitor: Visitor): Promise<void>
}

export const VISITS: readonly Visit[] = [
  {
    name: 'put, ls, rename, get, rm',
    async run(visitor) {
      const { client, folder, files } = visitor
      done(
        await client.batch([
          command`put ${files.middle} ${`${folder}/a`}`,
          command`ls -la ${folder}`,
          command`rename ${`${folder}/a`} ${`${folder}/b`}`,
          command`get ${`${folder}/b`} back`,
          command`rm ${`${folder}/b`}`,
        ]),
      )
      await returned(visitor, files.middle)
    },
  },
  {
    name: 'many small files, made and listed and removed',
    async run({ client, folder, files }) {
      const names = Array.from({ length: 30 }, (_, n) => `${folder}/s${n}`)
      done(
        await client.batch([
          ...names.map((name) => command`put ${files.small} ${name}`),
          command`ls -l ${folder}`,
          ...names.map((name) => command`rm ${name}`),
        ]),
      )
    },
  },
  {
    name: 'new keys every MiB',
    async run(visitor) {
      const { client, folder, files } = visitor
      const commands = [
        command`put ${files.middle} ${`${folder}/k`}`,
        command`get ${`${folder}/k`} back`,
        command`rm ${`${folder}/k`}`,
      ]
      done(await client.batch(commands, { options: ['RekeyLimit=1M'] }))
      await returned(visitor, files.middle)
    },
  },
  {
    name: 'scp both ways',
    async run(visitor) {
      const { client, folder, files } = visitor
      done(await client.scp([files.middle, client.remote(`${folder}/c`)], { args: ['-O'] }))
      done(await client.scp([client.remote(`${folder}/c`), 'back'], { args: ['-O'] }))
      await returned(visitor, files.middle)
      done(await client.batch([command`rm ${`${folder}/c`}`]))
    },
  },
  {
    name: 'a client killed while it puts',
    async run({ client, folder, files }) {
      const name = `${folder}/killed`
      const child = await client.start([command`put ${files.large} ${name}`])
      await sleep(randomInt(30, 600))
      await child.kill()
      // Its file may be there in part, whole, or not at all, and may still be closing.
      await client.batch([command`-rm ${name}`])
      await client.batch([command`-rm ${name}`])
    },
  },
  {
    name: 'a client killed while it gets',
    async run({ client, folder, local, files }) {
      done(await client.batch([command`put ${files.large} ${`${folder}/g`}`]))
      const child = await client.start([command`get ${`${folder}/g`} back`])
      await sleep(randomInt(30, 600))
      await child.kill()
      await rm(join(local, 'back'), { force: true })
      done(await client.batch([command`rm ${`${folder}/g`}`]))
    },
  },
]

function done({ code, stderr }: Finished): void {
  check(code === 0, `a client ended with ${code}: ${stderr.slice(-500)}`)
}

async function returned({ local }: Visitor, sent: string): Promise<void> {
  const back = join(local, 'back')
  check((await stat(back)).size > 0, 'nothing came back')
  await checkSameFile(back, join(local, sent))
  await rm(back)
}
