import type { FileSystem, OpenDirectory, OpenFile } from '../filesystem.ts'

type Method<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T] & string
export type CallName = Method<FileSystem> | `file.${Method<OpenFile>}` | `directory.${Method<OpenDirectory>}`

/** One call of the port; `path` is the one it was opened with for a call on an open file or directory. */
export interface Call {
  name: CallName
  path: string
}

/** A call that stands still until the test lets it go on. */
export interface HeldCall {
  /** Resolves once the call arrived. */
  readonly entered: Promise<void>
  /** The call takes effect now. */
  release(): void
  /** The call fails instead, without an effect. */
  fail(error: Error): void
}

/** Lets a test watch, delay and fail the calls of a filesystem. */
export class Hooks {
  /** Every call, in the order in which they began. */
  readonly calls: Call[] = []
  /** Awaited before a call takes effect; a rejection is its failure. */
  before: (call: Call) => Promise<void> | void = () => undefined
  /** Awaited when the call took effect, before its caller learns so. */
  after: (call: Call) => Promise<void> | void = () => undefined
  readonly #next: { name: CallName; meet: () => Promise<void> }[] = []

  /** Holds the next call of that name; several in the order in which they were asked for. */
  hold(name: CallName): HeldCall {
    const entered = deferred()
    const released = deferred()
    this.#next.push({
      name,
      meet: () => {
        entered.resolve()
        return released.promise
      },
    })
    return { entered: entered.promise, release: released.resolve, fail: released.reject }
  }

  /** The next call of that name fails without an effect. */
  fail(name: CallName, error: Error): void {
    this.#next.push({ name, meet: () => Promise.reject(error) })
  }

  async run<T>(call: Call, effect: () => T): Promise<T> {
    this.calls.push(call)
    const index = this.#next.findIndex(({ name }) => name === call.name)
    if (index !== -1) await this.#next.splice(index, 1)[0]?.meet()
    await this.before(call)
    const result = effect()
    await this.after(call)
    return result
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => undefined
  let reject = (_error: Error): void => undefined
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
