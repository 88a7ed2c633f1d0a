import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { exists, randomBytes, sha256, writeRandomFile } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Around the packet sizes that clients and servers use, where an off-by-one shows. */
const SIZES = [0, 1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 255 * KIB, 256 * KIB + 1, 3 * MIB + 7]

/** How much a client asks for at once, and how often before it has an answer. */
const SHAPES = [
  { buffer: 32 * KIB, requests: 1 },
  { buffer: 1000, requests: 64 },
  { buffer: 32 * KIB, requests: 256 },
  { buffer: 255 * KIB, requests: 64 },
]

export const TRANSFERS: readonly Case[] = [
  ...SIZES.map((bytes): Case => ({
    name: `a file of ${bytes} bytes goes up and comes back as it was`,
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(local, 'a'), bytes)
      checkSucceeded(await client.batch([command`put a`, command`get a back`]))
      await checkSameFile(join(home, 'a'), join(local, 'a'), 'stored file')
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  })),
  ...SHAPES.map(({ buffer, requests }): Case => ({
    name: `requests of ${buffer} bytes, ${requests} in flight, lose nothing in either direction`,
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(local, 'a'), 2 * MIB + 3)
      const args = ['-B', String(buffer), '-R', String(requests)]
      checkSucceeded(await client.batch([command`put a`, command`get a back`], { args }))
      await checkSameFile(join(home, 'a'), join(local, 'a'), 'stored file')
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  })),
  {
    name: 'put over a longer file leaves nothing of it',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(home, 'a'), 100_000)
      await writeRandomFile(join(local, 'a'), 1_000)
      checkSucceeded(await client.batch([command`put a`]))
      await checkSameFile(join(home, 'a'), join(local, 'a'))
    },
  },
  {
    name: 'reget fetches only what is missing',
    async run(context) {
      const { home, local, client } = await context.place()
      const contents = randomBytes(3 * MIB)
      // A start that differs from the server's shows whether it was fetched once more.
      const start = randomBytes(1 * MIB + 1)
      await writeFile(join(home, 'a'), contents)
      await writeFile(join(local, 'a'), start)
      checkSucceeded(await client.batch([command`reget a`]))
      const expected = Buffer.concat([start, contents.subarray(start.length)])
      check((await readFile(join(local, 'a'))).equals(expected), 'the file is not the local start with the remote rest')
    },
  },
  {
    name: 'reput sends only what is missing',
    async run(context) {
      const { home, local, client } = await context.place()
      const contents = randomBytes(3 * MIB)
      const start = randomBytes(1 * MIB + 1)
      await writeFile(join(local, 'a'), contents)
      await writeFile(join(home, 'a'), start)
      checkSucceeded(await client.batch([command`reput a`]))
      const expected = Buffer.concat([start, contents.subarray(start.length)])
      check((await readFile(join(home, 'a'))).equals(expected), 'the file is not the remote start with the local rest')
    },
  },
  {
    name: 'get of a missing file fails and leaves no local file',
    async run(context) {
      const { local, client } = await context.place()
      checkFailed(await client.batch([command`get missing`]), /not found/)
      check(!(await exists(join(local, 'missing'))), 'there is a local file')
    },
  },
  {
    name: 'put into a missing directory fails and the session goes on',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(local, 'a'), 1_000)
      const result = await client.batch([command`-put a missing/a`, command`put a`])
      checkSucceeded(result)
      check(/No such file/.test(result.stderr), `the client was told: ${result.stderr.trim()}`)
      await checkSameFile(join(home, 'a'), join(local, 'a'))
      check(!(await exists(join(home, 'missing'))), 'the directory was made')
    },
  },
  {
    name: 'a big file goes up and comes back as it was',
    timeoutMs: 900_000,
    async run(context) {
      const bytes = context.sizes.bigFileMib * MIB
      const { home, local, client } = await context.place({}, 2 * bytes + 256 * MIB)
      const timeoutMs = 400_000
      await writeRandomFile(join(local, 'a'), bytes)
      const expected = await sha256(join(local, 'a'))
      checkSucceeded(await client.batch([command`put a`], { timeoutMs }))
      checkSame(await sha256(join(home, 'a')), expected, 'sha256 of the stored file')
      // Two copies at a time are enough for the memory file system.
      await rm(join(local, 'a'))
      checkSucceeded(await client.batch([command`get a`], { timeoutMs }))
      checkSame(await sha256(join(local, 'a')), expected, 'sha256 of the fetched file')
    },
  },
]
