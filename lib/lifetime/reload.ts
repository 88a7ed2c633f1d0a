import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../logging/log.ts'

/** A part of the server that can take another configuration while it runs. */
export interface Reloadable {
  /**
   * Reads and checks all that the part needs; nothing changes yet.
   * @returns what puts it into effect, which cannot fail.
   * @throws Error of one line that says what is wrong.
   */
  prepare(config: Config): Promise<() => void>
}

/** Keys that are different, each as a line for the log: without the values of secrets. */
export interface Changes {
  /** In effect from now on. */
  applied: readonly string[]
  /** In effect after a restart. */
  needRestart: readonly string[]
}

export interface ReloadOptions {
  load(): Promise<Pick<LoadedConfig, 'config' | 'warnings'>>
  /** With which the server runs. */
  current: Config
  parts: readonly Reloadable[]
  describe(before: Config, after: Config): Changes
  log: Log
}

/** Takes a new configuration into use, all of it or nothing. */
export class Reload {
  readonly #options: ReloadOptions
  #current: Config
  #running: Promise<void> = Promise.resolve()

  constructor(options: ReloadOptions) {
    this.#options = options
    this.#current = options.current
  }

  /** The configuration in use; what needs a restart is in it already. */
  get current(): Config {
    return this.#current
  }

  /** One after another. Never rejects: what is wrong is in the log, and the old configuration stays. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#reload())
    return this.#running
  }

  async #reload(): Promise<void> {
    const { load, parts, describe, log } = this.#options
    let loaded: Pick<LoadedConfig, 'config' | 'warnings'>
    let effects: (() => void)[]
    try {
      loaded = await load()
      const { config } = loaded
      effects = []
      // One by one: of several things that are wrong, it is always the same that is told.
      for (const part of parts) effects.push(await part.prepare(config))
    } catch (error) {
      log.app('config', 'error', 'not reloaded, the configuration stays as it was', { error })
      return
    }
    const { applied, needRestart } = describe(this.#current, loaded.config)
    this.#current = loaded.config
    for (const effect of effects) effect()
    for (const warning of loaded.warnings) log.app('config', 'warn', warning)
    for (const change of applied) log.app('config', 'info', `reloaded: ${change}`)
    for (const change of needRestart) log.app('config', 'warn', `takes effect after a restart: ${change}`)
    const nothing = applied.length + needRestart.length === 0 ? ', no setting is different' : ''
    log.app('config', 'info', `reloaded the configuration, host keys and banner${nothing}`)
  }
}
