import { copyFile, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { checkSame, checkSameFile, checkSucceeded } from '../harness/check.ts'
import { manifest, writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { runPython } from '../harness/python.ts'
import { checkMarks } from './sample-tree.ts'

const BIG_BYTES = 5 * 1024 * 1024 + 3

/** What paramiko is made to do; the script `paramiko/client.py` has the client's half of each case. */
export const PARAMIKO: readonly Case[] = [
  {
    name: 'paramiko: every open mode reads, writes, appends, cuts and refuses as Python says',
    async run(context) {
      const place = await context.place()
      await play(context, place, 'open_modes')
      checkSame(await readFile(join(place.home, 'a'), 'utf8'), 'ONE\ntwo\n', 'a')
      checkSame(await readFile(join(place.home, 'b'), 'utf8'), 'newer', 'b')
    },
  },
  {
    name: 'paramiko: get, prefetch and readv bring the file as it is',
    async run(context) {
      const place = await context.place()
      await writeRandomFile(join(place.home, 'big'), BIG_BYTES)
      await play(context, place, 'prefetch')
      await checkSameFile(join(place.local, 'back'), join(place.home, 'big'))
    },
  },
  {
    name: 'paramiko: pipelined writes in random order make the file',
    async run(context) {
      const place = await context.place()
      await writeRandomFile(join(place.local, 'big'), BIG_BYTES)
      await play(context, place, 'random_order_writes')
      await checkSameFile(join(place.home, 'big'), join(place.local, 'big'))
      await checkSameFile(join(place.home, 'put'), join(place.local, 'big'))
    },
  },
  {
    name: 'paramiko: stat, utime, chmod, truncate, symlink, readlink, rename and posix_rename',
    async run(context) {
      const place = await context.place()
      await play(context, place, 'attributes')
      await checkMarks(join(place.home, 'a'))
      checkSame(await readlink(join(place.home, 'link')), 'a', 'target of the link')
      checkSame(Object.keys(await manifest(place.home)), ['a', 'link'], 'home')
    },
  },
  {
    name: 'paramiko: listdir and listdir_iter name each of 1500 files once',
    async run(context) {
      const place = await context.place()
      await writeRandomFiles(join(place.home, 'many'), 1500, 10)
      await play(context, place, 'listing')
    },
  },
  {
    name: 'paramiko: names that are not UTF-8 are created, renamed and read',
    async run(context) {
      const place = await context.place()
      await play(context, place, 'byte_names')
      const found = await manifest(place.home)
      const directory = 'caf\xe9 \xff\x80.bin'
      checkSame(Object.keys(found), [directory, `${directory}/\xfe\xc0\xaf`], 'home')
    },
  },
  {
    name: 'paramiko: check() has the hashes of a file, of a part of it and of its blocks',
    needs: 'check-file',
    async run(context) {
      const place = await context.place()
      await writeRandomFile(join(place.home, 'big'), BIG_BYTES)
      await copyFile(join(place.home, 'big'), join(place.local, 'big'))
      await play(context, place, 'check_file')
    },
  },
]

async function play(context: Context, { username, key, local }: Place, name: string): Promise<void> {
  const { host, port } = context.server
  const settings = { case: name, host, port, username, key: key.privateKeyFile, local }
  checkSucceeded(await runPython(context.scope, 'paramiko/client.py', settings))
}
