import type { User } from '../accounts/user.ts'
import type { Clock } from '../clock.ts'
import type { AppSender, Log } from '../logging/log.ts'
import type { Outbox, OutboxEntry } from '../providers/outbox.ts'
import type { Job, Outcome } from './channel.ts'
import { Channel } from './channel.ts'
import { assertCommand, runCommand } from './command.ts'
import type { HttpSender } from './http.ts'
import { createHttpSender } from './http.ts'
import { Journal } from './journal.ts'
import type { FileAction, FileNotification, Notification, UserAction } from './notification.ts'
import { described, notificationOf, payloadOf, userNotification } from './notification.ts'
import type { Owner } from './owner.ts'
import { invocationFor, requestFor } from './request.ts'

/** Processes of one section at a time: each may be a heavy one. */
export const COMMANDS_AT_ONCE = 4
/** Requests of one section at a time. */
export const REQUESTS_AT_ONCE = 16

/** One `actions` section of the configuration. */
export interface Actions {
  readonly execute_on: readonly string[]
  /** Absolute path, `''` for none. */
  readonly command: string
  /** Seconds. */
  readonly command_timeout: number
  /** `''` for none. */
  readonly http_notification_url: string
  /** Signs requests; `''` leaves them unsigned. */
  readonly secret: string
}

/** The two sections by their key. */
export interface AllActions {
  readonly 'sftpd.actions': Actions
  readonly 'data_provider.actions': Actions
}

type Section = keyof AllActions
type Means = 'command' | 'http'

const SECTIONS: Readonly<Record<Notification['of'], { section: Section; sender: AppSender }>> = {
  file: { section: 'sftpd.actions', sender: 'sftpd' },
  user: { section: 'data_provider.actions', sender: 'dataProvider' },
}

/** What the transfers tell. */
export interface FileHooks {
  /** Whether somebody is to be told of such an action: else nobody need prepare to tell. */
  wants(action: FileAction): boolean
  /** After it succeeded. Returns at once, and never throws. */
  file(notification: Omit<FileNotification, 'of'>): void
}

export interface HooksOptions {
  /** Asked for when something is first to be told to somebody. */
  openOutbox: () => Promise<Outbox>
  owner: Owner
  clock: Clock
  log: Log
  /** From 0 up to 1. */
  random: () => number
  /** The PATH of commands. */
  path: string
}

const NONE: Actions = { execute_on: [], command: '', command_timeout: 0, http_notification_url: '', secret: '' }

/** Tells commands and HTTP servers what was done to files and accounts. */
export class Hooks implements FileHooks {
  readonly #options: HooksOptions
  readonly #http: HttpSender
  readonly #channels: Readonly<Record<string, Channel>>
  #actions: AllActions = { 'sftpd.actions': NONE, 'data_provider.actions': NONE }
  #journal: Journal | undefined
  #stopping: Promise<void> | undefined

  constructor(options: HooksOptions) {
    this.#options = options
    this.#http = createHttpSender({ clock: options.clock, connections: REQUESTS_AT_ONCE })
    this.#channels = Object.fromEntries(
      (['file', 'user'] as const).flatMap((of) =>
        (['command', 'http'] as const).map((means) => [kindOf(of, means), this.#channel(of, means)]),
      ),
    )
  }

  /** Notifications that wait or are on their way, in all. */
  get pending(): number {
    return this.#journal?.size ?? 0
  }

  wants(action: FileAction): boolean {
    return isWanted(this.#actions['sftpd.actions'], action)
  }

  file(notification: Omit<FileNotification, 'of'>): void {
    this.#tell({ of: 'file', ...notification })
  }

  /** An administrator added, changed or removed an account. Returns at once, and never throws. */
  user(action: UserAction, user: User): void {
    this.#tell(userNotification(action, user))
  }

  /**
   * Puts other actions in the place of those that hold. What waits is delivered as the new ones say.
   * @throws Error naming the key when a command cannot be run, or ProviderError when notifications cannot be stored:
   * then nothing is changed.
   */
  async configure(actions: AllActions): Promise<void> {
    const { log, openOutbox } = this.#options
    for (const [key, section] of Object.entries(actions) as [Section, Actions][]) {
      if (section.execute_on.length === 0) continue
      if (section.command !== '') await assertCommand(`${key}.command`, section.command)
      if (section.command === '' && section.http_notification_url === '')
        log.app('config', 'warn', `${key}.execute_on has no effect: neither command nor http_notification_url is set`)
    }
    if (this.#journal === undefined && Object.values(actions).some(isActive)) {
      const journal = this.#newJournal(await openOutbox())
      this.#actions = actions
      this.#journal = journal
      // What waited before the last end comes before what happens now.
      await journal.start()
    } else this.#actions = actions
    for (const channel of Object.values(this.#channels)) channel.retry()
  }

  /**
   * Delivers what can be delivered within `withinMs`; the rest stays stored for the next start, or another server.
   * A second call waits for the first.
   */
  stop(withinMs: number): Promise<void> {
    this.#stopping ??= this.#stop(withinMs)
    return this.#stopping
  }

  async #stop(withinMs: number): Promise<void> {
    const channels = Object.values(this.#channels)
    if (withinMs > 0) await this.#flush(withinMs)
    await Promise.all(channels.map((channel) => channel.stop()))
    await this.#journal?.close()
    const { pending } = this
    if (pending > 0) this.#options.log.app('service', 'info', `${pending} notifications wait for the next start`)
    await this.#http.close()
  }

  async #flush(withinMs: number): Promise<void> {
    const channels = Object.values(this.#channels)
    let over = (): void => undefined
    const tooLate = new Promise<void>((resolve) => {
      over = resolve
    })
    const timer = this.#options.clock.after(withinMs, over, { ref: true })
    const flushed = async (): Promise<void> => {
      await this.#journal?.written()
      await Promise.all(channels.map((channel) => channel.quiet()))
    }
    await Promise.race([flushed(), tooLate])
    timer.cancel()
  }

  #newJournal(outbox: Outbox): Journal {
    const { owner, clock, log } = this.#options
    return new Journal({
      outbox,
      owner,
      clock,
      log,
      deliver: (entry) => this.#deliver(entry),
      beat: () => {
        for (const channel of Object.values(this.#channels)) channel.sweep()
      },
    })
  }

  #tell(notification: Notification): void {
    const section = this.#actions[SECTIONS[notification.of].section]
    if (!isWanted(section, notification.action)) return
    const payload = payloadOf(notification)
    if (section.command !== '') this.#journal?.put(kindOf(notification.of, 'command'), payload)
    if (section.http_notification_url !== '') this.#journal?.put(kindOf(notification.of, 'http'), payload)
  }

  #deliver({ id, kind, createdMs, payload }: OutboxEntry): void {
    const notification = notificationOf(payload)
    const channel = Object.hasOwn(this.#channels, kind) ? this.#channels[kind] : undefined
    if (notification !== undefined && channel !== undefined) return channel.add({ id, createdMs, notification })
    this.#options.log.app('service', 'error', `a stored notification (${id}) is not readable: dropped`)
    this.#journal?.settled(id)
  }

  #channel(of: Notification['of'], means: Means): Channel {
    const { clock, log, random } = this.#options
    const { section, sender } = SECTIONS[of]
    return new Channel({
      name: `${section}.${means === 'command' ? 'command' : 'http_notification_url'}`,
      sender,
      atOnce: means === 'command' ? COMMANDS_AT_ONCE : REQUESTS_AT_ONCE,
      deliver: (job, signal) =>
        means === 'command' ? this.#run(section, sender, job, signal) : this.#request(section, job, signal),
      settled: (id) => this.#journal?.settled(id),
      clock,
      log,
      random,
    })
  }

  async #run(section: Section, sender: AppSender, { id, notification }: Job, signal: AbortSignal): Promise<Outcome> {
    const { clock, log, path } = this.#options
    const { command, command_timeout: limitS } = this.#actions[section]
    if (command === '') return notConfigured
    return runCommand({
      file: command,
      invocation: invocationFor(notification, id),
      path,
      limitMs: limitS * 1000,
      clock,
      signal,
      report(ending, output) {
        const said = output === '' ? '' : `, it said: ${output}`
        const level = ending === 'ended with 0' ? 'debug' : 'warn'
        log.app(sender, level, `${section}.command for ${described(notification)} (${id}) ${ending}`)
        if (said !== '') log.app(sender, 'debug', `${section}.command for (${id})${said}`)
      },
    })
  }

  async #request(section: Section, { id, notification }: Job, signal: AbortSignal): Promise<Outcome> {
    const { http_notification_url: url, secret } = this.#actions[section]
    if (url === '') return notConfigured
    return this.#http.send(requestFor(notification, { url, secret, id, nowMs: this.#options.clock.now() }), signal)
  }
}

const notConfigured: Outcome = { kind: 'refused', reason: 'it is not configured any more' }

const kindOf = (of: Notification['of'], means: Means): string => `${of}-${means}`

function isWanted({ execute_on: on, command, http_notification_url: url }: Actions, action: string): boolean {
  return on.includes(action) && (command !== '' || url !== '')
}

/** Whether anything at all is to be told to somebody. */
export function isActive({ execute_on: on, command, http_notification_url: url }: Actions): boolean {
  return on.length > 0 && (command !== '' || url !== '')
}
