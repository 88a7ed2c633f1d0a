import pLimit from 'p-limit'
import type { User } from '../accounts/user.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider, QuotaUse } from '../providers/provider.ts'
import type { Ledger } from '../transfers/ledger.ts'
import { scanHome } from '../vfs/home-scan.ts'
import type { Storage } from '../vfs/storage.ts'

/** Homes that are walked at the same time: the disk serves those who are logged in, too. Others wait. */
export const MAX_RUNNING_SCANS = 2

/** A scan that waits or runs. */
export interface QuotaScan {
  username: string
  /** Milliseconds since the epoch. */
  startTimeMs: number
  /** Counted so far. */
  files: number
  size: number
}

export type ScanStart =
  | 'started'
  /** This account is being scanned already. */
  | 'running'
  | 'unknown user'
  /** `track_quota` or `manage_users` is 0: usage is not stored. */
  | 'not tracked'
  /** The server stops. */
  | 'stopping'

export interface QuotaScansOptions {
  provider: Pick<Provider, 'userByName' | 'resetUse'>
  ledger: Pick<Ledger, 'recount'>
  storage: Storage
  clock: Clock
  log: Log
  /** Whether usage is stored at all. */
  tracks: boolean
}

/** Counts what accounts occupy, in the background, at an administrator's word. */
export class QuotaScans {
  readonly #options: QuotaScansOptions
  readonly #scans = new Map<string, { scan: QuotaScan; finished: Promise<void> }>()
  readonly #turn = pLimit(MAX_RUNNING_SCANS)
  readonly #stopping = new AbortController()

  constructor(options: QuotaScansOptions) {
    this.#options = options
  }

  /** @throws ProviderError `unavailable`. */
  async start(username: string): Promise<ScanStart> {
    const { provider, clock, tracks } = this.#options
    if (!tracks) return 'not tracked'
    const user = await provider.userByName(username)
    if (user === undefined) return 'unknown user'
    if (this.#stopping.signal.aborted) return 'stopping'
    if (this.#scans.has(username)) return 'running'
    const scan: QuotaScan = { username, startTimeMs: clock.now(), files: 0, size: 0 }
    const finished = this.#turn(() => this.#run(user, scan)).finally(() => this.#scans.delete(username))
    this.#scans.set(username, { scan, finished })
    return 'started'
  }

  /** In the order in which they were started. */
  list(): QuotaScan[] {
    return [...this.#scans.values()].map(({ scan }) => ({ ...scan }))
  }

  /** Ends all scans; what they have counted is not stored. Resolves when they are over. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the server stops'))
    await Promise.all([...this.#scans.values()].map(({ finished }) => finished))
  }

  /** Never rejects. */
  async #run(user: User, scan: QuotaScan): Promise<void> {
    const { provider, ledger, clock, log } = this.#options
    const who = JSON.stringify(user.username)
    try {
      const { size, files } = await ledger.recount(
        user.username,
        (open) => this.#count(user, scan, open),
        (use) => provider.resetUse(user.username, use, clock.now()),
      )
      log.app('httpd', 'info', `quota scan: ${who} occupies ${size} bytes in ${files} files`)
    } catch (error) {
      if (this.#stopping.signal.aborted) log.app('httpd', 'info', `quota scan of ${who} ended by the server's stop`)
      else log.app('httpd', 'warn', `quota scan of ${who} failed, what is stored stays`, { error })
    }
  }

  #count(user: User, scan: QuotaScan, open: (inode: string) => boolean): Promise<QuotaUse> {
    return scanHome({
      storage: this.#options.storage,
      home: Buffer.from(user.home_dir).toString('latin1'),
      leaveOut: open,
      progress: ({ size, files }) => Object.assign(scan, { size, files }),
      signal: this.#stopping.signal,
    })
  }
}
