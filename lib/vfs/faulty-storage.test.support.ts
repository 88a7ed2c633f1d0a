import { nodeStorage } from './storage.ts'
import type { DirectoryStream, Storage } from './storage.ts'

export type StorageCall = keyof Storage | 'directory.read' | 'directory.close'

/** Called before each call takes effect, except `close`, after it; what it throws is the call's failure. */
export type Before = (call: StorageCall, args: readonly unknown[]) => Promise<void> | void

/** close(2) releases the descriptor also where it reports an error: a failing close has closed. */
const CLOSES: readonly StorageCall[] = ['close', 'directory.close']

/** A storage whose every call is announced, so that a test can act in between, or fail it. */
export function watchedStorage(before: Before, inner: Storage = nodeStorage): Storage {
  const announced =
    (call: StorageCall, work: (...args: readonly unknown[]) => unknown) =>
    async (...args: readonly unknown[]): Promise<unknown> => {
      if (CLOSES.includes(call)) {
        await work(...args)
        await before(call, args)
        return undefined
      }
      await before(call, args)
      const result = await work(...args)
      return call === 'opendir' ? watchedStream(result as DirectoryStream) : result
    }
  const watchedStream = (stream: DirectoryStream): DirectoryStream => ({
    read: announced('directory.read', (max) => stream.read(max as number)) as DirectoryStream['read'],
    close: announced('directory.close', () => stream.close()) as DirectoryStream['close'],
  })
  return new Proxy(inner, {
    get(target, name: keyof Storage) {
      const work = target[name] as (...args: readonly unknown[]) => unknown
      if (name === 'closeSync') return work
      // What is announced may have to wait.
      if (name === 'lstatNow') return undefined
      if (name !== 'readlinkSync') return announced(name, work)
      return (path: string): string => {
        const waiting = before(name, [path])
        if (waiting !== undefined) throw new Error('a synchronous call cannot wait')
        return target.readlinkSync(path)
      }
    },
  })
}

/**
 * A storage whose n-th call, counted from {@link arm} on, fails with `errno`; every later one, too, when it
 * `persists`. `closeSync` is not counted: it closes descriptors that hold no data, which cannot fail.
 */
export class FaultyStorage {
  readonly storage: Storage
  /** The call that failed first; undefined when so many were never made. */
  failed: StorageCall | undefined
  #left = Infinity
  #errno = ''
  #persists = false

  constructor() {
    this.storage = watchedStorage((call) => this.#count(call))
  }

  arm(nth: number, errno: string, persists = false): void {
    this.failed = undefined
    this.#left = nth
    this.#errno = errno
    this.#persists = persists
  }

  disarm(): void {
    this.#left = Infinity
  }

  #count(call: StorageCall): void {
    this.#left--
    if (this.#left === 0 || (this.#persists && this.#left < 0)) {
      this.failed ??= call
      throw systemError(this.#errno)
    }
  }
}

/** As node:fs would throw it, host path and all. */
export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected, open '/srv/real/path'`), { code, syscall: 'open' })
}
