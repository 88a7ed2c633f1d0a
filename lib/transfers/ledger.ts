import pLimit from 'p-limit'
import { FsError } from '../../protocol/filesystem.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import { ProviderError } from '../providers/provider.ts'
import type { Provider, QuotaUse } from '../providers/provider.ts'
import type { InFlight } from './in-flight.ts'

/** A regular file as the system shows it; `inode` tells it apart from every other, `links` counts its names. */
export interface FileState {
  inode: string
  /** Bytes. */
  size: number
  links: number
}

/** How long a provider that refused an update is left alone. */
export const RETRY_MS = 5_000
/** Changes of an account that come this soon after an update go into one more: a thousand small files are ten updates. */
export const GATHER_MS = 100
/** A clean account is read again after this long: other servers and administrators may have changed it. */
export const FRESH_MS = 1_000

/** How often a count is tried while the account's sessions go on, before they wait for it. */
export const UNDISTURBED_ATTEMPTS = 3

/** A file that is open for writing. */
interface OpenInode {
  handles: number
  /** Bytes counted for it, before the credit. */
  size: number
  /** Bytes of the file that it is to replace, which are counted already. */
  credit: number
  /** 1 when the file itself is counted, 0 while it takes the place of one that is. */
  files: 0 | 1
}

interface Account {
  users: number
  /** What is occupied, what is only reserved included; undefined until the provider told. */
  used: QuotaUse | undefined
  loadedAt: number
  loading: Promise<void> | undefined
  /** The part of `used` that the provider does not know yet. */
  unwritten: QuotaUse
  /** An update is under way, or was refused and waits for {@link retry}. */
  writing: boolean
  retry: Timer | undefined
  /** There was an update a moment ago; the next one is made when this is over. */
  pause: Timer | undefined
  inodes: Map<string, OpenInode>
  /** How often something began or ended to run exclusively: whoever counted files meanwhile may have missed it. */
  changes: number
  /** Changes that must not mix: see {@link Ledger.exclusively}. */
  alone: <T>(work: () => Promise<T>) => Promise<T>
}

export interface LedgerOptions {
  provider: Pick<Provider, 'addUse' | 'usedQuota'>
  inFlight: InFlight
  clock: Clock
  log: Log
}

/**
 * What every account occupies: one book that all of its sessions share, so that what they hold together never
 * passes the quota. Space is reserved before it is taken and settled by what the system says in the end: the
 * arithmetic comes from sizes before and after, not from bytes seen. A file with several names counts once.
 * The provider gets relative changes, in the background, and again later when it cannot be reached.
 */
export class Ledger {
  readonly #provider: LedgerOptions['provider']
  readonly #inFlight: InFlight
  readonly #clock: Clock
  readonly #log: Log
  readonly #accounts = new Map<string, Account>()
  /** Updates of the provider that are under way. */
  readonly #writes = new Set<Promise<void>>()

  constructor({ provider, inFlight, clock, log }: LedgerOptions) {
    this.#provider = provider
    this.#inFlight = inFlight
    this.#clock = clock
    this.#log = log
  }

  /** A session begins; {@link leave} ends it. */
  enter(username: string): void {
    this.#account(username).users++
  }

  leave(username: string): void {
    this.#account(username).users--
    this.#forgetIfIdle(username)
  }

  /** @throws FsError `failure` when the provider cannot be asked. */
  async used(username: string): Promise<QuotaUse> {
    await this.#known(username)
    return { ...(this.#account(username).used ?? { size: 0, files: 0 }) }
  }

  /**
   * Runs `work` while nothing else of this account creates, removes, replaces or resizes a file: what it finds
   * out of sizes and names stays true until it has told the ledger.
   */
  async exclusively<T>(username: string, work: () => Promise<T>): Promise<T> {
    const account = this.#account(username)
    account.users++
    try {
      return await account.alone(async () => {
        account.changes++
        await this.#inFlight.begin(username)
        try {
          return await work()
        } finally {
          account.changes++
          this.#inFlight.end(username)
        }
      })
    } finally {
      this.leave(username)
    }
  }

  /**
   * Counts anew what the account occupies, and stores that. Uploads go on meanwhile: what is counted while nothing else
   * happens to names and sizes is right, so that is tried a few times before anything has to wait for it.
   * @param count counts all regular files but those that are `open`, which the ledger knows better.
   * @param store takes the outcome in the provider's place of all it had.
   * @returns the outcome. @throws what `count` and `store` throw, and ProviderError `unavailable`; nothing changed then.
   */
  async recount(
    username: string,
    count: (open: (inode: string) => boolean) => Promise<QuotaUse>,
    store: (use: QuotaUse) => Promise<void>,
  ): Promise<QuotaUse> {
    const account = this.#account(username)
    account.users++
    const counted = (): Promise<QuotaUse> => count((inode) => account.inodes.has(inode))
    try {
      for (let attempt = 0; attempt < UNDISTURBED_ATTEMPTS; attempt++) {
        const { changes } = account
        const use = await counted()
        const outcome = await this.exclusively(username, async () =>
          // One more than before is this very call.
          account.changes === changes + 1 ? this.#replace(username, account, use, store) : undefined,
        )
        if (outcome !== undefined) return outcome
      }
      return await this.exclusively(username, async () => this.#replace(username, account, await counted(), store))
    } finally {
      this.leave(username)
    }
  }

  /** What was counted, with what is open, takes the place of all that was known. */
  async #replace(
    username: string,
    account: Account,
    counted: QuotaUse,
    store: (use: QuotaUse) => Promise<void>,
  ): Promise<QuotaUse> {
    // A change that reaches the provider after its sum was replaced would count twice.
    while (account.writing && account.retry === undefined) await Promise.all(this.#writes)
    if (account.writing) throw new ProviderError('unavailable', 'earlier changes could not be stored yet')
    const use = { ...counted }
    for (const open of account.inodes.values()) add(use, { size: charge(open), files: open.files })
    const replaced = account.unwritten
    this.#tracking(username, account, () => {
      account.writing = true
      account.unwritten = { size: 0, files: 0 }
    })
    try {
      await store(use)
      // What grew meanwhile comes on top.
      if (account.used !== undefined) account.used = { ...use }
      if (account.used !== undefined) add(account.used, account.unwritten)
      account.loadedAt = this.#clock.monotonic()
    } catch (error) {
      add(account.unwritten, replaced)
      throw error
    } finally {
      this.#retry(username, account)
    }
    return use
  }

  /** A new file, before it is made. @throws FsError `quota`. */
  async reserveFile(username: string, limits: QuotaUse): Promise<void> {
    const account = await this.#ready(username, limits)
    this.#reserve(username, account, { size: 0, files: 1 }, limits)
  }

  /** The file was not made after all. */
  async releaseFile(username: string): Promise<void> {
    this.#change(username, this.#account(username), { size: 0, files: -1 })
    this.#write(username)
  }

  /**
   * A file was opened for writing; {@link closed} ends it.
   * @param credit for a new file that is to replace another one: the bytes of that one, which its own are set
   * against. Such a file is not counted as one before {@link replacing}.
   */
  async opened(username: string, { inode, size }: FileState, credit?: number): Promise<void> {
    const { inodes } = this.#account(username)
    const open = inodes.get(inode)
    if (open !== undefined) {
      open.handles++
      return
    }
    await this.#inFlight.begin(username)
    inodes.set(inode, { handles: 1, size, credit: credit ?? 0, files: credit === undefined ? 1 : 0 })
  }

  /** The bytes that an open file is to take from its start, before it does. @throws FsError `quota`. */
  async extend(username: string, inode: string, end: number, limits: QuotaUse): Promise<void> {
    const account = await this.#ready(username, limits)
    this.#extend(username, account, inode, end, limits)
  }

  /** The bytes behind the last one of an open file, for appending. @throws FsError `quota`. */
  async append(username: string, inode: string, bytes: number, limits: QuotaUse): Promise<void> {
    const account = await this.#ready(username, limits)
    this.#extend(username, account, inode, openInode(account, inode).size + bytes, limits)
  }

  /**
   * A file is about to change its size to `to`, exclusively; when that fails, call it the other way round.
   * @throws FsError `quota`.
   */
  async resize(username: string, { inode, size, links }: FileState, to: number, limits: QuotaUse): Promise<void> {
    const account = await this.#ready(username, limits)
    const open = account.inodes.get(inode)
    // Removed already, and nobody writes to it: nothing counts it any more.
    if (open === undefined && links === 0) return
    const before = open === undefined ? size : charge(open)
    const after = open === undefined ? to : charge({ ...open, size: to })
    this.#reserve(username, account, { size: after - before, files: 0 }, limits)
    if (open === undefined) this.#write(username)
    else open.size = to
  }

  /**
   * An open file is about to take the place of `replaced`, or of nothing, exclusively; `state` is its own.
   * From now on it is counted by itself. @throws FsError `quota`, and nothing changed.
   */
  async replacing(
    username: string,
    state: FileState,
    replaced: FileState | undefined,
    limits: QuotaUse,
  ): Promise<void> {
    const account = await this.#ready(username, limits)
    const open = openInode(account, state.inode)
    const freed = freedBy(account, replaced)
    const change = { size: state.size - freed.size - charge(open), files: 1 - freed.files - open.files }
    this.#reserve(username, account, change, limits)
    Object.assign(open, { size: state.size, credit: 0, files: 1 })
  }

  /** It did not take that place: `replaced` is still there. */
  async notReplaced(username: string, replaced: FileState | undefined): Promise<void> {
    const account = this.#account(username)
    this.#change(username, account, freedBy(account, replaced))
  }

  /** A name of a file was removed, or given to another file, exclusively; `state` is from before. */
  async unlinked(username: string, state: FileState): Promise<void> {
    const account = this.#account(username)
    const { size, files } = freedBy(account, state)
    this.#change(username, account, { size: -size, files: -files })
    this.#write(username)
  }

  /** A file came into being whose space was not reserved: the other end of a move. */
  async added(username: string, { size }: { size: number }): Promise<void> {
    this.#change(username, this.#account(username), { size, files: 1 })
    this.#write(username)
  }

  /** A file that was open for writing is closed; `state` is its last, undefined when that cannot be found out. */
  async closed(username: string, inode: string, state: FileState | undefined): Promise<void> {
    const account = this.#account(username)
    const open = openInode(account, inode)
    if (--open.handles > 0) return
    const gone = state?.links === 0
    const now = gone ? 0 : charge({ ...open, size: state?.size ?? open.size })
    this.#change(username, account, { size: now - charge(open), files: gone ? -open.files : 0 })
    account.inodes.delete(inode)
    this.#inFlight.end(username)
    this.#write(username)
  }

  /** Resolves when the provider knows everything, or has failed to take it. */
  async settle(): Promise<void> {
    for (const [username, account] of this.#accounts) {
      if (account.retry !== undefined) this.#retry(username, account)
    }
    do {
      for (const [username, account] of this.#accounts) {
        endPause(account)
        this.#write(username)
      }
      await Promise.all(this.#writes)
    } while (this.#writes.size > 0 || [...this.#accounts.values()].some(isPaused))
  }

  #extend(username: string, account: Account, inode: string, end: number, limits: QuotaUse): void {
    const open = openInode(account, inode)
    if (end <= open.size) return
    this.#reserve(username, account, { size: charge({ ...open, size: end }) - charge(open), files: 0 }, limits)
    open.size = end
  }

  #account(username: string): Account {
    let account = this.#accounts.get(username)
    if (account === undefined) {
      account = newAccount()
      this.#accounts.set(username, account)
    }
    return account
  }

  /** The account, with what it uses known when a limit asks for that: whatever follows must not wait. */
  async #ready(username: string, limits: QuotaUse): Promise<Account> {
    if (limits.size > 0 || limits.files > 0) await this.#known(username)
    return this.#account(username)
  }

  async #known(username: string): Promise<void> {
    const account = this.#account(username)
    const fresh = !isClean(account) || this.#clock.monotonic() - account.loadedAt < FRESH_MS
    if (account.used !== undefined && fresh) return
    account.loading ??= this.#load(username, account).finally(() => {
      account.loading = undefined
    })
    await account.loading
  }

  async #load(username: string, account: Account): Promise<void> {
    try {
      const { size, files } = await this.#provider.usedQuota(username)
      // What changed meanwhile may be in the answer or not: the next reading tells.
      if (account.used !== undefined && !isClean(account)) return
      account.used = { size: size + account.unwritten.size, files: files + account.unwritten.files }
      account.loadedAt = this.#clock.monotonic()
    } catch (error) {
      if (account.used !== undefined) return
      throw new FsError('failure', 'The quota cannot be checked at the moment', { cause: error })
    }
  }

  /** @throws FsError `quota` where the change would pass a limit; what shrinks is always possible. */
  #reserve(username: string, account: Account, change: QuotaUse, limits: QuotaUse): void {
    const { size, files } = account.used ?? { size: 0, files: 0 }
    if (change.size > 0 && limits.size > 0 && size + change.size > limits.size) {
      throw new FsError('quota', `Quota exceeded: this account may hold ${limits.size} bytes`)
    }
    if (change.files > 0 && limits.files > 0 && files + change.files > limits.files) {
      throw new FsError('quota', `Quota exceeded: this account may hold ${limits.files} files`)
    }
    this.#change(username, account, change)
  }

  #change(username: string, account: Account, change: QuotaUse): void {
    if (account.used !== undefined) add(account.used, change)
    this.#tracking(username, account, () => add(account.unwritten, change))
  }

  /** What the provider does not know is in flight, too: after a crash it would be missing. */
  #tracking(username: string, account: Account, work: () => void): void {
    const before = isKnown(account)
    work()
    if (before === isKnown(account)) return
    if (before) void this.#inFlight.begin(username)
    else this.#inFlight.end(username)
  }

  #write(username: string): void {
    const account = this.#account(username)
    if (account.writing || isZero(account.unwritten)) {
      this.#forgetIfIdle(username)
      return
    }
    if (account.pause !== undefined) return
    const change = account.unwritten
    account.writing = true
    account.unwritten = { size: 0, files: 0 }
    const writing = this.#addUse(username, account, change)
    this.#writes.add(writing)
    void writing.finally(() => this.#writes.delete(writing))
  }

  async #addUse(username: string, account: Account, change: QuotaUse): Promise<void> {
    try {
      await this.#provider.addUse(username, change, this.#clock.now())
    } catch (error) {
      add(account.unwritten, change)
      const who = JSON.stringify(username)
      this.#log.app('dataProvider', 'error', `the quota used by ${who} is not stored yet: trying again`, { error })
      account.retry = this.#clock.after(RETRY_MS, () => this.#retry(username, account))
      return
    }
    account.pause = this.#clock.after(GATHER_MS, () => {
      endPause(account)
      if (this.#accounts.get(username) === account) this.#write(username)
    })
    this.#retry(username, account)
  }

  /** Nothing is being written any more; writes what is left. */
  #retry(username: string, account: Account): void {
    account.retry?.cancel()
    account.retry = undefined
    this.#tracking(username, account, () => {
      account.writing = false
    })
    this.#write(username)
  }

  #forgetIfIdle(username: string): void {
    const account = this.#accounts.get(username)
    if (account !== undefined && account.users === 0 && isClean(account)) this.#accounts.delete(username)
  }
}

function newAccount(): Account {
  const one = pLimit(1)
  return {
    users: 0,
    used: undefined,
    loadedAt: 0,
    loading: undefined,
    unwritten: { size: 0, files: 0 },
    writing: false,
    retry: undefined,
    pause: undefined,
    inodes: new Map(),
    changes: 0,
    alone: (work) => one(work),
  }
}

function endPause(account: Account): void {
  account.pause?.cancel()
  account.pause = undefined
}

/** There is something to write, and nothing but time in the way. */
function isPaused({ pause, unwritten }: Account): boolean {
  return pause !== undefined && !isZero(unwritten)
}

function openInode({ inodes }: Account, inode: string): OpenInode {
  const open = inodes.get(inode)
  if (open === undefined) throw new Error('this file is not known as open')
  return open
}

/** What the end of a name gives back: nothing while the file has others, or is open for writing. */
function freedBy({ inodes }: Account, state: FileState | undefined): QuotaUse {
  const stays = state === undefined || state.links > 1 || inodes.has(state.inode)
  return stays ? { size: 0, files: 0 } : { size: state.size, files: 1 }
}

/** What an open file adds to what its account occupies. */
function charge({ size, credit }: Pick<OpenInode, 'size' | 'credit'>): number {
  return Math.max(0, size - credit)
}

function isZero({ size, files }: QuotaUse): boolean {
  return size === 0 && files === 0
}

/** The provider knows all of it. */
function isKnown({ unwritten, writing }: Account): boolean {
  return isZero(unwritten) && !writing
}

function isClean(account: Account): boolean {
  return isKnown(account) && account.inodes.size === 0
}

function add(sum: QuotaUse, { size, files }: QuotaUse): void {
  sum.size += size
  sum.files += files
}
