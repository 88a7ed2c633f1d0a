import type { Log } from '../logging/log.ts'
import type { Provider, QuotaUse } from '../providers/provider.ts'
import type { User } from '../accounts/user.ts'
import type { InFlightFolder } from '../transfers/in-flight-folder.ts'
import { scanHome } from './home-scan.ts'
import type { Storage } from './storage.ts'

export interface RecoveryOptions {
  folder: InFlightFolder
  provider: Pick<Provider, 'userByName' | 'resetUse'>
  storage: Storage
  log: Log
  now: () => number
  /** Whether the account's usage is counted. */
  counts(user: User): boolean
  /** `sftpd.upload_mode` 2. */
  resumable: boolean
}

/**
 * Puts right what a crash left: in the homes of accounts that had something under way, temporary files of dead
 * processes are swept and the usage is counted anew. Such an account waits at its login until that is done;
 * nobody else does.
 */
export class Recovery {
  readonly #options: RecoveryOptions
  readonly #accounts = new Map<string, Promise<void>>()
  readonly #finished: Promise<void>

  constructor(options: RecoveryOptions) {
    this.#options = options
    // One after the other: the disk serves those who are logged in, too.
    let earlier: Promise<void> = Promise.resolve()
    for (const [username, instances] of options.folder.leftovers) {
      earlier = earlier.then(() => this.#recover(username, instances))
      this.#accounts.set(username, earlier)
    }
    this.#finished = earlier
  }

  /** Resolves when nothing is left to put right for this account, or that failed. Never rejects. */
  async ready(username: string): Promise<void> {
    await this.#accounts.get(username)
  }

  /** Resolves when that holds for all. */
  finished(): Promise<void> {
    return this.#finished
  }

  async #recover(username: string, instances: readonly string[]): Promise<void> {
    const { folder, provider, log, now, counts } = this.#options
    const who = JSON.stringify(username)
    try {
      const user = await provider.userByName(username)
      if (user !== undefined) {
        const use = await this.#scan(user, instances)
        if (counts(user)) await provider.resetUse(username, use, now())
        log.app('service', 'info', `after a crash: ${who} occupies ${use.size} bytes in ${use.files} files`)
      }
      await folder.recovered(username)
    } catch (error) {
      log.app('service', 'error', `after a crash: the files of ${who} could not be looked after`, { error })
    }
  }

  #scan(user: User, instances: readonly string[]): Promise<QuotaUse> {
    const { storage, resumable } = this.#options
    return scanHome({
      storage,
      home: Buffer.from(user.home_dir).toString('latin1'),
      orphansOf: instances,
      resumable,
    })
  }
}
