import fs from 'node:fs'
import type { Dir, PathLike, Stats, StatsFs } from 'node:fs'
import { promisify } from 'node:util'

/**
 * The system calls the virtual filesystem makes, on host paths of one character a byte. Everything that
 * touches a disk goes through here, so that another storage (one that fails on purpose, say) can stand in.
 * Rejections are Node's errors, with the errno's name in `code`.
 */
export interface Storage {
  open(path: string, flags: number, mode?: number): Promise<number>
  close(fd: number): Promise<void>
  /** Of a descriptor that holds no data (O_PATH): cannot wait for a disk. */
  closeSync(fd: number): void
  /** Reads until `targets` are full, one after the other, or the file ends. @returns bytes read. */
  read(fd: number, targets: readonly Buffer[], position: number): Promise<number>
  /** Writes everything; `position` null writes at the descriptor's own place, the end with O_APPEND. */
  write(fd: number, chunks: readonly Buffer[], position: number | null): Promise<void>
  ftruncate(fd: number, size: number): Promise<void>
  fsync(fd: number): Promise<void>
  fstat(fd: number): Promise<Stats>
  lstat(path: string): Promise<Stats>
  /** The same there and then, undefined where there is nothing: only where there is no disk to wait for. */
  readonly lstatNow?: (path: string) => Stats | undefined
  truncate(path: string, size: number): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  chown(path: string, uid: number, gid: number): Promise<void>
  lchown(path: string, uid: number, gid: number): Promise<void>
  /** Seconds since the epoch. */
  utimes(path: string, atime: number, mtime: number): Promise<void>
  lutimes(path: string, atime: number, mtime: number): Promise<void>
  fchmod(fd: number, mode: number): Promise<void>
  fchown(fd: number, uid: number, gid: number): Promise<void>
  futimes(fd: number, atime: number, mtime: number): Promise<void>
  mkdir(path: string, mode: number): Promise<void>
  rmdir(path: string): Promise<void>
  unlink(path: string): Promise<void>
  rename(oldpath: string, newpath: string): Promise<void>
  link(oldpath: string, newpath: string): Promise<void>
  symlink(target: string, path: string): Promise<void>
  /** Makes `path`, which must not exist, a copy: shared blocks where the file system has them. */
  copyFile(source: string, path: string): Promise<void>
  readlink(path: string): Promise<string>
  /** Of a link in /proc: cannot wait for a disk. */
  readlinkSync(path: string): string
  opendir(path: string): Promise<DirectoryStream>
  statfs(path: string): Promise<StatsFs>
}

export interface DirectoryStream {
  /** The next names, at most `max`, one character a byte, without `.` and `..`; none at the end. */
  read(max: number): Promise<readonly string[]>
  close(): Promise<void>
}

const NOT_ASCII = /[^\0-\x7f]/

/** One character a byte; ASCII is the same as it is, and cheaper to hand over so. */
const path = (text: string): string | Buffer => (NOT_ASCII.test(text) ? Buffer.from(text, 'latin1') : text)

const open = promisify(fs.open)
const lstat = promisify<PathLike, Stats>(fs.lstat)
const fstat = promisify<number, Stats>(fs.fstat)
const opendir = promisify<PathLike, fs.OpenDirOptions, Dir>(
  // The option exists, its type does not say so.
  fs.opendir as unknown as (
    path: PathLike,
    options: fs.OpenDirOptions,
    done: (error: NodeJS.ErrnoException | null, dir: Dir) => void,
  ) => void,
)
const statfs = promisify<PathLike, StatsFs>(fs.statfs)
const close = promisify(fs.close)
const ftruncate = promisify(fs.ftruncate)
const fsync = promisify(fs.fsync)
const truncate = promisify(fs.truncate)
const chmod = promisify(fs.chmod)
const chown = promisify(fs.chown)
const lchown = promisify(fs.lchown)
const utimes = promisify(fs.utimes)
const lutimes = promisify(fs.lutimes)
const fchmod = promisify(fs.fchmod)
const fchown = promisify(fs.fchown)
const futimes = promisify(fs.futimes)
const mkdir = promisify<PathLike, number>(fs.mkdir as (path: PathLike, mode: number, done: fs.NoParamCallback) => void)
const rmdir = promisify<PathLike>(fs.rmdir)
const unlink = promisify(fs.unlink)
const rename = promisify(fs.rename)
const link = promisify(fs.link)
const copyFile = promisify<PathLike, PathLike, number>(fs.copyFile)
const symlink = promisify<PathLike, PathLike>(
  fs.symlink as (a: PathLike, b: PathLike, done: fs.NoParamCallback) => void,
)

/** Names read from the kernel at a time. */
const DIRECTORY_BATCH = 256

export const nodeStorage: Storage = {
  open: (file, flags, mode = 0o666) => open(path(file), flags, mode),
  close: (fd) => close(fd),
  closeSync: (fd) => fs.closeSync(fd),
  async read(fd, targets, position) {
    let left = targets
    let total = 0
    while (left.length > 0) {
      const count = await readOnce(fd, left, position + total)
      if (count === 0) break
      total += count
      left = dropBytes(left, count)
    }
    return total
  },
  async write(fd, chunks, position) {
    let left = chunks
    let at = position
    for (;;) {
      const written = await writeOnce(fd, left, at)
      left = dropBytes(left, written)
      if (left.length === 0) return
      // POSIX lets write(2) take nothing without an error; asking for ever would be the alternative.
      if (written === 0) throw Object.assign(new Error('write took no bytes'), { code: 'EIO' })
      if (at !== null) at += written
    }
  },
  ftruncate: (fd, size) => ftruncate(fd, size),
  fsync: (fd) => fsync(fd),
  fstat: (fd) => fstat(fd),
  lstat: (file) => lstat(path(file)),
  truncate: (file, size) => truncate(path(file), size),
  chmod: (file, mode) => chmod(path(file), mode),
  chown: (file, uid, gid) => chown(path(file), uid, gid),
  lchown: (file, uid, gid) => lchown(path(file), uid, gid),
  utimes: (file, atime, mtime) => utimes(path(file), atime, mtime),
  lutimes: (file, atime, mtime) => lutimes(path(file), atime, mtime),
  fchmod: (fd, mode) => fchmod(fd, mode),
  fchown: (fd, uid, gid) => fchown(fd, uid, gid),
  futimes: (fd, atime, mtime) => futimes(fd, atime, mtime),
  mkdir: (directory, mode) => mkdir(path(directory), mode),
  rmdir: (directory) => rmdir(path(directory)),
  unlink: (file) => unlink(path(file)),
  rename: (oldpath, newpath) => rename(path(oldpath), path(newpath)),
  link: (oldpath, newpath) => link(path(oldpath), path(newpath)),
  symlink: (target, file) => symlink(path(target), path(file)),
  copyFile: (source, file) =>
    copyFile(path(source), path(file), fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE),
  readlink: (file) =>
    new Promise((resolve, reject) => {
      fs.readlink(path(file), { encoding: 'latin1' }, (error, text) => (error ? reject(error) : resolve(text)))
    }),
  readlinkSync: (file) => fs.readlinkSync(path(file), { encoding: 'latin1' }),
  async opendir(directory) {
    const dir = await opendir(path(directory), { encoding: 'latin1', bufferSize: DIRECTORY_BATCH })
    return {
      async read(max) {
        const names: string[] = []
        while (names.length < max) {
          const next = await dir.read()
          if (next === null) break
          names.push(next.name)
        }
        return names
      },
      close: () => dir.close(),
    }
  },
  statfs: (file) => statfs(path(file)),
}

/**
 * Pages that a file in memory gives back when it goes, above which that is left to the thread pool: it takes
 * the kernel about a millisecond for these, and no other session is to wait for more.
 */
const MUCH_MEMORY_BYTES = 16 * 1024 * 1024

/** What st_blocks counts in, whatever the block size of the file system (stat(2)). */
const STAT_BLOCK_BYTES = 512

function holdsMuch({ blocks }: Stats): boolean {
  return blocks * STAT_BLOCK_BYTES > MUCH_MEMORY_BYTES
}

/**
 * For a file system in memory: calls are made there and then, without the way through the thread pool, which
 * costs several times what they do and cannot be needed, as there is no disk to wait for. Never for names
 * that could lie on another file system.
 */
export const memoryStorage: Storage = {
  ...nodeStorage,
  open: async (file, flags, mode = 0o666) => fs.openSync(path(file), flags, mode),
  async close(fd) {
    const stats = fs.fstatSync(fd)
    if (stats.nlink === 0 && holdsMuch(stats)) return nodeStorage.close(fd)
    fs.closeSync(fd)
  },
  async read(fd, targets, position) {
    return fs.readvSync(fd, targets, position)
  },
  async write(fd, chunks, position) {
    let left = chunks
    let at = position
    while (left.length > 0) {
      const written = fs.writevSync(fd, left, at as number)
      left = dropBytes(left, written)
      if (at !== null) at += written
      // Rather than asking for ever; a full file system says so by an error.
      if (written === 0 && left.length > 0) throw Object.assign(new Error('write took no bytes'), { code: 'EIO' })
    }
  },
  async ftruncate(fd, size) {
    if (holdsMuch(fs.fstatSync(fd))) return nodeStorage.ftruncate(fd, size)
    fs.ftruncateSync(fd, size)
  },
  fstat: async (fd) => fs.fstatSync(fd),
  lstat: async (file) => fs.lstatSync(path(file)),
  lstatNow: (file) => fs.lstatSync(path(file), { throwIfNoEntry: false }),
  fchmod: async (fd, mode) => fs.fchmodSync(fd, mode),
  fchown: async (fd, uid, gid) => fs.fchownSync(fd, uid, gid),
  futimes: async (fd, atime, mtime) => fs.futimesSync(fd, atime, mtime),
  async mkdir(directory, mode) {
    fs.mkdirSync(path(directory), mode)
  },
  rmdir: async (directory) => fs.rmdirSync(path(directory)),
  async unlink(file) {
    if (holdsMuch(fs.lstatSync(path(file)))) return nodeStorage.unlink(file)
    fs.unlinkSync(path(file))
  },
  async rename(oldpath, newpath) {
    const replaced = fs.lstatSync(path(newpath), { throwIfNoEntry: false })
    if (replaced !== undefined && holdsMuch(replaced)) return nodeStorage.rename(oldpath, newpath)
    fs.renameSync(path(oldpath), path(newpath))
  },
  link: async (oldpath, newpath) => fs.linkSync(path(oldpath), path(newpath)),
  readlink: async (file) => fs.readlinkSync(path(file), { encoding: 'latin1' }),
  async opendir(directory) {
    const options = { encoding: 'latin1', bufferSize: DIRECTORY_BATCH } as const
    const dir = fs.opendirSync(path(directory), options)
    return {
      async read(max) {
        const names: string[] = []
        for (let next = dir.readSync(); next !== null; next = names.length < max ? dir.readSync() : null)
          names.push(next.name)
        return names
      },
      close: async () => dir.closeSync(),
    }
  },
}

/** f_type of tmpfs and ramfs, statfs(2). */
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/** Whether a file system of this kind keeps its files in memory. */
export function isInMemory({ type }: StatsFs): boolean {
  return IN_MEMORY.includes(type)
}

function readOnce(fd: number, targets: readonly Buffer[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: NodeJS.ErrnoException | null, count: number): void => (error ? reject(error) : resolve(count))
    const [only] = targets
    if (only !== undefined && targets.length === 1) fs.read(fd, only, 0, only.length, position, done)
    else fs.readv(fd, targets, position, done)
  })
}

function writeOnce(fd: number, chunks: readonly Buffer[], position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: NodeJS.ErrnoException | null, count: number): void => (error ? reject(error) : resolve(count))
    const [only] = chunks
    if (only !== undefined && chunks.length === 1) fs.write(fd, only, 0, only.length, position, done)
    else fs.writev(fd, chunks, position as number, done)
  })
}

function dropBytes(chunks: readonly Buffer[], count: number): Buffer[] {
  const left: Buffer[] = []
  let drop = count
  for (const chunk of chunks) {
    if (drop < chunk.length) left.push(drop === 0 ? chunk : chunk.subarray(drop))
    drop = Math.max(0, drop - chunk.length)
  }
  return left
}
