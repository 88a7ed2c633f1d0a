import { MemoryProvider } from '../providers/memory/memory.ts'
import type { QuotaUse } from '../providers/provider.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { AccountUsage } from '../transfers/account-usage.ts'
import { InFlight } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { scanHome } from './home-scan.ts'
import type { LocalFileSystem, Uploads } from './local-filesystem.ts'
import type { Sandbox } from './sandbox.test.support.ts'
import { nodeStorage } from './storage.ts'
import type { Storage } from './storage.ts'

export const MODES = [0, 1, 2] as const

/** An account with a quota over a {@link Sandbox}'s home, and its sessions. */
export class QuotaWorld {
  readonly clock = new VirtualClock()
  readonly provider = new MemoryProvider()
  readonly log = recordingLog()
  /** Accounts that a crash would find in flight now. */
  readonly inFlight = new Set<string>()
  readonly ledger: Ledger
  limits: QuotaUse | undefined = { size: 0, files: 0 }
  readonly #marks: InFlight
  readonly #box: Sandbox
  readonly #usages: AccountUsage[] = []

  constructor(box: Sandbox) {
    const { clock, log, provider } = this
    this.#box = box
    const store = {
      remember: async (username: string) => void this.inFlight.add(username),
      forget: async (username: string) => void this.inFlight.delete(username),
    }
    this.#marks = new InFlight(store, { clock, log })
    this.ledger = new Ledger({ provider, inFlight: this.#marks, clock, log })
  }

  /** The account, with what lies in its home counted. */
  async begin(limits?: QuotaUse): Promise<this> {
    this.limits = limits ?? { size: 0, files: 0 }
    await this.provider.addUser({
      status: 1,
      username: 'bob',
      expiration_date: 0,
      password: 'x',
      public_keys: [],
      home_dir: this.#box.home,
      uid: 0,
      gid: 0,
      max_sessions: 0,
      quota_size: 0,
      quota_files: 0,
      permissions: ['*'],
      upload_bandwidth: 0,
      download_bandwidth: 0,
    })
    await this.provider.resetUse('bob', await this.onDisk(), 0)
    return this
  }

  /** A session of the account. */
  async session(mode: Uploads['mode'], storage: Storage = nodeStorage): Promise<LocalFileSystem> {
    const usage = new AccountUsage(this.ledger, 'bob', () => this.limits)
    this.#usages.push(usage)
    return this.#box.open({
      storage,
      usage,
      uploads: {
        mode,
        sync: false,
        instance: 'testtest',
        begin: () => this.#marks.begin('bob'),
        end: () => this.#marks.end('bob'),
      },
    })
  }

  onDisk(): Promise<QuotaUse> {
    return scanHome({ storage: nodeStorage, home: Buffer.from(this.#box.home).toString('latin1') })
  }

  /** Counts anew, as an administrator may ask for at any time. */
  scan(): Promise<QuotaUse> {
    return this.ledger.recount(
      'bob',
      (leaveOut) => scanHome({ storage: nodeStorage, home: Buffer.from(this.#box.home).toString('latin1'), leaveOut }),
      (use) => this.provider.resetUse('bob', use, 0),
    )
  }

  /** What the provider has stored when everything is told. */
  async stored(): Promise<QuotaUse> {
    await this.ledger.settle()
    return this.provider.usedQuota('bob')
  }

  /** Closes the sessions; nothing may be in flight a moment later. */
  async end(): Promise<void> {
    this.#box.closeAll()
    for (const usage of this.#usages.splice(0)) usage.close()
    await this.ledger.settle()
    await this.#marks.close()
  }
}
