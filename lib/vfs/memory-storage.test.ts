import fs from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import { LocalFileSystem } from './local-filesystem.ts'
import { isInMemory, memoryStorage, nodeStorage } from './storage.ts'
import type { Storage } from './storage.ts'

const FLAGS = { read: true, write: true, append: false, create: true, truncate: false, exclusive: false }
const APPEND = { ...FLAGS, append: true }

/** A tmpfs on every Linux. */
const MEMORY = '/dev/shm'
let home: string
let moved: string[]

beforeEach(() => {
  home = mkdtempSync(join(MEMORY, 'sftpgo-'))
  moved = []
})
afterEach(() => rmSync(home, { recursive: true }))

async function open(): Promise<LocalFileSystem> {
  const recording: Storage = {
    ...memoryStorage,
    async write(fd, chunks, position) {
      moved.push('write')
      await memoryStorage.write(fd, chunks, position)
    },
    async read(fd, targets, position) {
      moved.push('read')
      return memoryStorage.read(fd, targets, position)
    },
  }
  return LocalFileSystem.open({
    storage: nodeStorage,
    memoryStorage: recording,
    home,
    authorizeOverwrite: () => undefined,
  })
}

test('a home in memory is told from one on a disk', async () => {
  expect(isInMemory(await nodeStorage.statfs(MEMORY))).toBe(true)
  expect(isInMemory(await nodeStorage.statfs('/proc'))).toBe(false)
})

test('files in memory are read and written there and then, to the byte', async () => {
  const vfs = await open()
  const file = await vfs.open(virtualPath('/f'), FLAGS, {})
  await file.write([Buffer.from('hello '), Buffer.alloc(0), Buffer.from('world')], 2)
  const targets = [Buffer.alloc(4), Buffer.alloc(20)]
  expect(await file.read(targets, 0)).toBe(13)
  expect(Buffer.concat(targets).toString('latin1', 0, 13)).toBe('\0\0hello world')
  expect(await file.read([Buffer.alloc(1)], 13)).toBe(0)
  await file.close()
  expect(moved).toEqual(['write', 'read', 'read'])
  expect(fs.readFileSync(join(home, 'f'), 'latin1')).toBe('\0\0hello world')
  vfs.close()
})

test('appending there ignores the offset', async () => {
  const vfs = await open()
  const file = await vfs.open(virtualPath('/f'), APPEND, {})
  await file.write([Buffer.from('one ')], 100)
  await file.write([Buffer.from('two')], 0)
  await file.close()
  expect(fs.readFileSync(join(home, 'f'), 'latin1')).toBe('one two')
  vfs.close()
})

test('what fails there fails as on a disk', async () => {
  const vfs = await open()
  const file = await vfs.open(virtualPath('/f'), { ...FLAGS, read: false }, {})
  await expect(file.read([Buffer.alloc(1)], 0)).rejects.toMatchObject({ name: 'FsError' })
  await file.close()
  vfs.close()
})
