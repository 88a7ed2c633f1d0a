import { open, readFile, rename, stat, statfs, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { check, checkSame, checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { exists, randomBytes } from '../../harness/files.ts'
import { run } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { randomNumbers } from '../random-numbers.ts'
import { mounted } from './mount.ts'

const MODEL_BYTES = 1024 * 1024
const MODEL_STEPS = 600
const MODEL_SEED = 20_240_101

/** Single files on the mount. */
export const SSHFS_FILES: readonly Case[] = [
  {
    name: `sshfs: ${MODEL_STEPS} random reads, writes and truncations agree with a file in memory`,
    needs: 'uploads in place',
    async run(context) {
      const { home, mount } = await mounted(context)
      const below = randomNumbers(MODEL_SEED)
      let model = randomBytes(MODEL_BYTES)
      await writeFile(join(mount, 'a'), model)
      const file = await open(join(mount, 'a'), 'r+')
      try {
        for (let step = 0; step < MODEL_STEPS; step++) {
          const [position, length] = [below(model.length), below(100_000)]
          const kind = below(20)
          if (kind === 0) {
            await file.truncate(position)
            model = model.subarray(0, position)
          } else if (kind < 10 || model.length < 1000) {
            const bytes = randomBytes(length)
            await file.write(bytes, 0, length, position)
            model = written(model, bytes, position)
          } else {
            const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
            const same = buffer.subarray(0, bytesRead).equals(model.subarray(position, position + length))
            check(
              same,
              `step ${step}: read ${bytesRead} of ${length} at ${position}, and other bytes than were written`,
            )
          }
        }
      } finally {
        await file.close()
      }
      check((await readFile(join(home, 'a'))).equals(model), 'the file on the disk is not what was written')
      check((await readFile(join(mount, 'a'))).equals(model), 'the file on the mount is not what was written')
    },
  },
  {
    name: 'sshfs: rename replaces an existing file',
    async run(context) {
      const { home, mount } = await mounted(context)
      await writeFile(join(mount, 'old'), 'old contents')
      await writeFile(join(mount, 'new'), 'new')
      await rename(join(mount, 'new'), join(mount, 'old'))
      checkSame(await readFile(join(home, 'old'), 'utf8'), 'new', 'the file that was replaced')
      check(!(await exists(join(home, 'new'))), 'the old name is still there')
    },
  },
  {
    name: 'sshfs: truncate shortens, lengthens with zeros and empties',
    needs: 'uploads in place',
    async run(context) {
      const { home, mount } = await mounted(context)
      const contents = randomBytes(200_000)
      await writeFile(join(mount, 'a'), contents)
      for (const bytes of [150_001, 1, 0]) {
        await truncate(join(mount, 'a'), bytes)
        check(
          (await readFile(join(home, 'a'))).equals(contents.subarray(0, bytes)),
          `it is not the first ${bytes} bytes`,
        )
      }
      await truncate(join(mount, 'a'), 70_000)
      check((await readFile(join(home, 'a'))).equals(Buffer.alloc(70_000)), 'it is not 70,000 zeros')
    },
  },
  {
    name: 'sshfs: several writers append to one file, and nothing is lost',
    needs: 'uploads in place',
    async run(context) {
      const { home, mount } = await mounted(context)
      const files = await Promise.all([1, 2, 3].map(() => open(join(mount, 'log'), 'a')))
      for (let line = 0; line < 50; line++) {
        for (const [writer, file] of files.entries()) await file.write(`${writer}: ${line}\n`)
      }
      await Promise.all(files.map((file) => file.close()))
      const lines = (await readFile(join(home, 'log'), 'utf8')).split('\n').filter(Boolean)
      const expected = Array.from({ length: 150 }, (_, i) => `${i % 3}: ${Math.floor(i / 3)}`)
      checkSame(lines, expected, 'lines on the disk')
    },
  },
  {
    name: 'sshfs: a file that is written, synced and still open is on the disk',
    needs: 'uploads in place',
    async run(context) {
      const { home, mount } = await mounted(context)
      await writeFile(join(home, 'expected'), randomBytes(500_000))
      const file = await open(join(mount, 'a'), 'w')
      try {
        await file.writeFile(await readFile(join(home, 'expected')))
        await file.sync()
        await checkSameFile(join(home, 'a'), join(home, 'expected'))
      } finally {
        await file.close()
      }
      checkSame((await stat(join(mount, 'a'))).size, 500_000, 'size seen through the mount')
    },
  },
  {
    name: 'sshfs: df shows the size of the disk',
    async run(context) {
      const { home, mount } = await mounted(context)
      const df = await run(context.scope, requireProgram('df'), ['-B1', '--output=size', mount])
      checkSucceeded(df)
      const { blocks, bsize } = await statfs(home)
      checkSame(Number(df.stdout.split('\n')[1]), blocks * bsize, 'bytes in all')
    },
  },
]

/** What a file holds after a write, zeros in the gap behind its end included. */
function written(before: Buffer, bytes: Buffer, position: number): Buffer {
  const after = Buffer.alloc(Math.max(before.length, position + bytes.length))
  after.set(before)
  after.set(bytes, position)
  return after
}
