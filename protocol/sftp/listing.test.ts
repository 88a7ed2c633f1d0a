import { beforeEach, expect, test } from 'vitest'
import type { DirectoryEntry, OpenDirectory } from '../filesystem.ts'
import { FRESH_MS, Listing, MAX_NAME_ENTRIES } from './listing.ts'
import type { ListingSession } from './listing.ts'

/** A directory of numbered names, whose attributes tell how often each was looked at. */
class Numbers implements OpenDirectory {
  readonly #count: number
  readonly gone = new Set<string>()
  readonly calls: string[] = []
  #given = 0
  #looks = 0
  failure: Error | undefined

  constructor(count: number) {
    this.#count = count
  }

  async read(max: number): Promise<readonly DirectoryEntry[]> {
    this.calls.push('read')
    if (this.failure !== undefined) throw this.failure
    const names = Array.from({ length: Math.min(max, this.#count - this.#given) }, (_, n) => String(this.#given + n))
    this.#given += names.length
    return this.#entries(names)
  }

  async again(entries: readonly DirectoryEntry[]): Promise<readonly DirectoryEntry[]> {
    this.calls.push('again')
    return this.#entries(entries.map(({ filename }) => filename).filter((name) => !this.gone.has(name)))
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  #entries(names: readonly string[]): DirectoryEntry[] {
    const links = ++this.#looks
    return names.map((filename) => ({ filename, attrs: {}, links }))
  }
}

let now: number
let session: ListingSession & { changes: number }

beforeEach(() => {
  now = 1000
  session = { now: () => now, changes: 0, ahead: undefined }
})

test('a short directory is not read ahead', async () => {
  const directory = new Numbers(MAX_NAME_ENTRIES - 1)
  const listing = new Listing(directory, session)
  listing.readAhead()
  expect(await listing.next()).toHaveLength(MAX_NAME_ENTRIES - 1)
  listing.readAhead()
  expect(directory.calls).toEqual(['read'])
  expect(await listing.next()).toEqual([])
})

test('behind a full reply the next one is read before it is asked for', async () => {
  const directory = new Numbers(MAX_NAME_ENTRIES + 1)
  const listing = new Listing(directory, session)
  await listing.next()
  listing.readAhead()
  expect(directory.calls).toEqual(['read', 'read'])
  expect((await listing.next()).map(({ filename }) => filename)).toEqual([String(MAX_NAME_ENTRIES)])
  expect(await listing.next()).toEqual([])
  expect(directory.calls).toEqual(['read', 'read', 'read'])
})

test.each(['changed', 'long ago'])('what was read ahead and is %s is looked at again', async (why) => {
  const directory = new Numbers(2 * MAX_NAME_ENTRIES)
  const listing = new Listing(directory, session)
  await listing.next()
  listing.readAhead()
  directory.gone.add('300')
  if (why === 'changed') session.changes++
  else now += FRESH_MS
  const entries = await listing.next()
  expect(directory.calls).toEqual(['read', 'read', 'again'])
  expect(entries).toHaveLength(MAX_NAME_ENTRIES - 1)
  expect(entries.map(({ filename }) => filename)).not.toContain('300')
  expect(entries[0]?.links).toBe(3)
})

test('the end is the end only when nothing has changed since', async () => {
  const directory = new Numbers(MAX_NAME_ENTRIES)
  const listing = new Listing(directory, session)
  await listing.next()
  listing.readAhead()
  session.changes++
  expect(await listing.next()).toEqual([])
  expect(directory.calls).toEqual(['read', 'read', 'again', 'read'])
})

test('one listing of a session reads ahead; when it goes on or is closed another may', async () => {
  const directories = [new Numbers(10_000), new Numbers(10_000)] as const
  const [one, two] = directories.map((directory) => new Listing(directory, session)) as [Listing, Listing]
  await one.next()
  await two.next()
  one.readAhead()
  one.readAhead()
  two.readAhead()
  expect(directories.map(({ calls }) => calls.length)).toEqual([2, 1])
  await one.next()
  two.readAhead()
  one.readAhead()
  expect(directories.map(({ calls }) => calls.length)).toEqual([2, 2])
  await two.close()
  one.readAhead()
  expect(directories.map(({ calls }) => calls.length)).toEqual([3, 3])
})

test('a failure is told to who asks for what failed, and to nobody when it is closed', async () => {
  const directory = new Numbers(10_000)
  const listing = new Listing(directory, session)
  await listing.next()
  directory.failure = new Error('disk')
  listing.readAhead()
  await expect(listing.next()).rejects.toThrow('disk')
  directory.failure = undefined
  await listing.next()
  directory.failure = new Error('disk')
  listing.readAhead()
  await listing.close()
  expect(directory.calls.at(-1)).toBe('close')
  expect(session.ahead).toBeUndefined()
})
