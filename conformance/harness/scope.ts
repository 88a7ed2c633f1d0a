type Undo = () => Promise<void> | void

/** What has to be undone: temp directories, child processes. Undone in reverse order, once, all of it. */
export class Scope {
  #undos: Undo[] = []
  #closing: Promise<void> | undefined

  /** True from the beginning of the end: what fails now fails because of it. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * @returns a function that takes the action back, for what has already ended by itself.
   * @throws when the scope is closed already; the action is then run at once, so that nothing is left behind.
   */
  defer(undo: Undo): () => void {
    if (this.#closing) {
      void Promise.resolve(undo()).catch(() => undefined)
      throw new Error('interrupted')
    }
    this.#undos.push(undo)
    return () => {
      this.#undos = this.#undos.filter((other) => other !== undo)
    }
  }

  /** A scope that ends with this one at the latest. */
  child(): Scope {
    const child = new Scope()
    const forget = this.defer(() => child.close())
    child.defer(forget)
    return child
  }

  /** @throws AggregateError when actions failed, after all of them were tried. */
  close(): Promise<void> {
    this.#closing ??= this.#undoAll()
    return this.#closing
  }

  async #undoAll(): Promise<void> {
    const errors: unknown[] = []
    for (const undo of this.#undos.toReversed()) {
      try {
        await undo()
      } catch (error) {
        errors.push(error)
      }
    }
    this.#undos = []
    if (errors.length > 0) throw new AggregateError(errors, `clean-up failed: ${errors.map(String).join('; ')}`)
  }
}

export async function withScope<T>(parent: Scope, body: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = parent.child()
  try {
    return await body(scope)
  } finally {
    await scope.close()
  }
}

/** Runs a program's main function; its scope is closed however the program ends, short of SIGKILL. */
export async function runMain(main: (scope: Scope) => Promise<number>): Promise<void> {
  const scope = new Scope()
  const end = (code: number): void => {
    void scope
      .close()
      .catch((error: unknown) => console.error(String(error)))
      .finally(() => process.exit(code))
  }
  for (const [signal, code] of [
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      console.error(`${signal}: cleaning up`)
      end(code)
    })
  }
  process.once('uncaughtException', (error) => {
    console.error(error)
    end(1)
  })
  let code = 1
  try {
    code = await main(scope)
  } catch (error) {
    if (!scope.closed) console.error(error instanceof Error ? error.message : error)
  }
  end(code)
}
