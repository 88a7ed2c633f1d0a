import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem, FsErrorKind, OpenFile, OpenFlags } from '../../protocol/filesystem.ts'
import { LocalFileSystem } from './local-filesystem.ts'
import type { LocalFileSystemOptions } from './local-filesystem.ts'
import { nodeStorage } from './storage.ts'

/** Root may do what others may not: a test that differs says so through {@link tell}. */
export const isRoot = process.getuid?.() === 0

/** Prints what a reader of the test's output should know. */
export function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** `dir/` (any text), a file's contents, or a link; `{home}` and `{base}` in a link's text are host paths. */
export type Tree = Readonly<Record<string, string | { link: string }>>

/**
 * A real temporary directory for each test: `bob` is the home, `bobby` its neighbour, `outside` holds what must
 * never be reached. After the test everything is closed and removed, and no descriptor may be left.
 */
export class Sandbox {
  base = ''
  #before: string[] = []
  readonly #opened: LocalFileSystem[] = []

  get home(): string {
    return join(this.base, 'bob')
  }

  get outside(): string {
    return join(this.base, 'outside')
  }

  make(): void {
    this.base = fs.realpathSync(fs.mkdtempSync(join(os.tmpdir(), 'sftpgo-vfs-')))
    this.plant({ 'bob/': '', 'bobby/secret': 'CANARY', 'outside/secret': 'CANARY', 'outside/dir/': '' })
    this.#before = openDescriptors()
  }

  /** Closes what is open, looks for descriptors that are left, removes everything. */
  finish(): void {
    try {
      this.closeAll()
      // oxlint-disable-next-line vitest/no-standalone-expect -- called after every test
      expect(openDescriptors()).toEqual(this.#before)
    } finally {
      fs.rmSync(this.base, { recursive: true, force: true })
    }
  }

  /** Keys are relative to the base, one character a byte; parents are made. */
  plant(tree: Tree): void {
    for (const [name, what] of Object.entries(tree)) {
      const path = bytes(join(this.base, name))
      if (name.endsWith('/')) {
        fs.mkdirSync(path, { recursive: true })
        continue
      }
      fs.mkdirSync(bytes(join(this.base, name, '..')), { recursive: true })
      if (typeof what === 'string') fs.writeFileSync(path, what, 'latin1')
      else fs.symlinkSync(bytes(this.expand(what.link)), path)
    }
  }

  /** {@link plant} in the home. */
  plantHome(tree: Tree): void {
    this.plant(Object.fromEntries(Object.entries(tree).map(([name, what]) => [`bob/${name}`, what])))
  }

  expand(text: string): string {
    return text.replaceAll('{home}', this.home).replaceAll('{base}', this.base)
  }

  /** The host path of a virtual one, for node:fs. */
  host(path: string): Buffer {
    return bytes(this.home + path)
  }

  text(path: string): string {
    return fs.readFileSync(this.host(path), 'latin1')
  }

  async open(options: Partial<LocalFileSystemOptions> = {}): Promise<LocalFileSystem> {
    const opened = await LocalFileSystem.open({
      storage: nodeStorage,
      home: this.home,
      authorizeOverwrite: () => undefined,
      ...options,
    })
    this.#opened.push(opened)
    return opened
  }

  closeAll(): void {
    for (const opened of this.#opened.splice(0)) opened.close()
  }

  /** All there is below the home, or another directory: equal before and after means that nothing happened. */
  state(directory = this.home): Record<string, string> {
    const found: Record<string, string> = {}
    const visit = (path: string): void => {
      for (const name of fs.readdirSync(bytes(path), { encoding: 'latin1' }).toSorted()) {
        const at = join(path, name)
        const stats = fs.lstatSync(bytes(at))
        found[at.slice(directory.length)] = describe(at, stats)
        if (stats.isDirectory()) visit(at)
      }
    }
    visit(directory)
    return found
  }

  /** The same without times: equal for two trees that were made alike. */
  shape(directory = this.home): Record<string, string> {
    const entries = Object.entries(this.state(directory))
    return Object.fromEntries(entries.map(([path, what]) => [path, what.replace(/ at [\d.]+/, '')]))
  }

  names(directory = this.home): string[] {
    return Object.keys(this.state(directory))
  }
}

/** A fresh {@link Sandbox} for every test of the file. */
export function useSandbox(): Sandbox {
  const box = new Sandbox()
  beforeEach(() => box.make())
  afterEach(() => box.finish())
  return box
}

function describe(path: string, stats: fs.Stats): string {
  const common = `${stats.mode.toString(8)} ${stats.uid}:${stats.gid} links ${stats.nlink}`
  if (stats.isSymbolicLink()) return `${common} -> ${fs.readlinkSync(bytes(path), 'latin1')}`
  if (!stats.isFile()) return common
  return `${common} at ${stats.mtimeMs} ${JSON.stringify(fs.readFileSync(bytes(path), 'latin1'))}`
}

/** What this process has open on a file system, by host path. */
export function openDescriptors(): string[] {
  const found: string[] = []
  for (const fd of fs.readdirSync('/proc/self/fd')) {
    let target: string
    try {
      target = fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      // The descriptor of this very listing.
      continue
    }
    if (target.startsWith('/') && !target.startsWith('/proc/') && !target.startsWith('/dev/null')) found.push(target)
  }
  return found.toSorted()
}

/** A FIFO, or a device as `['c', '1', '5']` (root only), which Node itself cannot make. */
export function makeNode(path: string, kind: readonly string[] = ['p']): void {
  execFileSync('mknod', [path, ...kind])
}

export function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1')
}

/** The kind of the error that `work` ends with, or `done`; anything but an FsError is thrown on. */
export async function outcome(work: Promise<unknown>): Promise<FsErrorKind | 'done'> {
  try {
    await work
    return 'done'
  } catch (error) {
    if (error instanceof FsError) return error.kind
    throw error
  }
}

export function flags(...names: (keyof OpenFlags)[]): OpenFlags {
  const all: OpenFlags = {
    read: false,
    write: false,
    append: false,
    create: false,
    truncate: false,
    exclusive: false,
  }
  for (const name of names) all[name] = true
  return all
}

/** Opens, uses and closes a file, also when the use fails. */
export async function using<T>(opening: Promise<OpenFile>, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = await opening
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** Makes or replaces a file's contents through the filesystem under test. */
export async function put(vfs: FileSystem, path: string, text: string): Promise<void> {
  const opening = vfs.open(virtualPath(path), flags('write', 'create', 'truncate'), {})
  await using(opening, (file) => file.write([bytes(text)], 0))
}

export async function get(vfs: FileSystem, path: string): Promise<string> {
  const target = Buffer.alloc(1024)
  const opening = vfs.open(virtualPath(path), flags('read'), {})
  return using(opening, async (file) => target.toString('latin1', 0, await file.read([target], 0)))
}

/** All names in a directory, sorted. */
export async function list(vfs: FileSystem, path: string, max = 100): Promise<string[]> {
  const directory = await vfs.opendir(virtualPath(path))
  try {
    const names: string[] = []
    for (;;) {
      const entries = await directory.read(max)
      if (entries.length === 0) return names.toSorted()
      names.push(...entries.map(({ filename }) => filename))
    }
  } finally {
    await directory.close()
  }
}
