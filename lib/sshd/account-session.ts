import type { FileSystem, VirtualPath } from '../../protocol/filesystem.ts'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { LiveUser } from '../accounts/live-users.ts'
import type { User } from '../accounts/user.ts'
import type { Connection, Protocol } from '../connections/connections.ts'
import type { Hasher } from '../hashing/hasher.ts'
import { describeError } from '../logging/describe.ts'
import type { Log } from '../logging/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { FileHooks } from '../notifications/hooks.ts'
import type { QuotaUse } from '../providers/provider.ts'
import { SessionBandwidth } from '../transfers/session-bandwidth.ts'
import type { Throttle } from '../transfers/throttle.ts'
import { AccountFileSystem, placePolicy } from '../vfs/account-filesystem.ts'
import type { AccountRules, FileEvent, FileObserver } from '../vfs/account-filesystem.ts'
import { LocalFileSystem } from '../vfs/local-filesystem.ts'
import type { Uploads } from '../vfs/local-filesystem.ts'
import { AccountUsage } from '../transfers/account-usage.ts'
import type { InFlight } from '../transfers/in-flight.ts'
import type { Ledger } from '../transfers/ledger.ts'
import { Grants } from '../vfs/grants.ts'
import type { Storage } from '../vfs/storage.ts'
import { modeText } from '../../protocol/sftp/longname.ts'
import type { Owner } from './make-home.ts'
import { makeHome } from './make-home.ts'

/** Limits are in KB/s; SFTPGo counts 1000 bytes to one. */
const BYTES_PER_KB = 1000

/** Gives a logged-in user its files. */
export interface OpenAccount {
  /** Makes the home directory, parents included, where it is missing. @throws the system's error. */
  prepare(user: User): Promise<void>
  /**
   * One view of the home for one channel; `close` it when everything opened through it is closed. What the account may do
   * is read at each operation.
   */
  open(
    user: LiveUser,
    connection: Connection,
    protocol: Protocol,
    channel: ChannelLife,
  ): Promise<{ fs: FileSystem; close(): void }>
}

/** What waiting for bandwidth has to do with the channel it is done for. */
export interface ChannelLife {
  /** Aborted, with an FsError, when the client is gone: nothing waits any more. */
  gone: AbortSignal
  /** How many more (1) or fewer (-1) transfers wait: the connection is not idle meanwhile. */
  waiting(change: 1 | -1): void
  /** The server is about to stop: no further file is opened. */
  ending(): boolean
}

export interface OpenAccountOptions {
  storage: Storage
  /** For homes on a file system in memory. */
  memoryStorage: Storage
  throttle: Throttle
  hasher: Hasher
  log: Log
  /** `sftpd.setstat_mode`; read, as `uploads`, when a channel is opened. */
  setstatMode: number
  /** The server runs as root: created files are given to the account's uid and gid. */
  isRoot: boolean
  ledger: Ledger
  inFlight: InFlight
  /** Whether what the account occupies is counted, and held to its quota. */
  counts(user: User): boolean
  /** Absent: straight to the name asked for, and no syncing. */
  uploads?: Pick<Uploads, 'mode' | 'sync' | 'instance'>
  /** Absent: nothing is counted. */
  metrics?: Pick<Metrics, 'transferEnded'>
  /** Absent where nobody is told of what is done to files. */
  hooks?: FileHooks
  /** Resolves when a crash's traces are gone from the account's files. */
  ready?(username: string): Promise<void>
}

export function createOpenAccount(options: OpenAccountOptions): OpenAccount {
  const { storage, throttle, isRoot } = options
  const ownerOf = (user: User): Owner | undefined => (isRoot ? fileOwner(user) : undefined)
  return {
    async prepare(user) {
      await makeHome(user.home_dir, ownerOf(user))
    },
    async open(live, connection, protocol, channel) {
      const { ledger, inFlight } = options
      const { username } = live
      await options.ready?.(username)
      // A change of home or owner ends the session.
      const user = live.current
      const owner = ownerOf(user)
      const bandwidth = new SessionBandwidth({
        username,
        limit: (direction) => BYTES_PER_KB * Math.max(0, live.current[`${direction}_bandwidth`]),
        throttle,
        ...channel,
      })
      const rules = liveRules(live, {
        ignoreSetstat: options.setstatMode === 1,
        ending: () => channel.ending(),
        used: () => ledger.used(username),
        bandwidth,
      })
      const usage = new AccountUsage(ledger, username, () =>
        options.counts(live.current) ? limitsOf(live.current) : undefined,
      )
      const local = await LocalFileSystem.open({
        storage,
        memoryStorage: options.memoryStorage,
        hasher: options.hasher,
        home: Buffer.from(user.home_dir).toString('latin1'),
        ...(owner === undefined ? {} : { owner }),
        ...placePolicy(rules),
        usage,
        uploads: {
          ...(options.uploads ?? { mode: 0, sync: false, instance: '' }),
          begin: () => inFlight.begin(username),
          end: () => inFlight.end(username),
        },
      }).catch((error: unknown) => {
        usage.close()
        throw error
      })
      const fs = new AccountFileSystem(local, rules, observer(user, connection, protocol, options))
      return {
        fs,
        close() {
          local.close()
          usage.close()
        },
      }
    },
  }
}

/** The account's rules as they are whenever one is read. */
function liveRules(
  live: LiveUser,
  {
    ignoreSetstat,
    ending,
    used,
    bandwidth,
  }: { ignoreSetstat: boolean; ending: () => boolean; used: () => Promise<QuotaUse>; bandwidth: SessionBandwidth },
): AccountRules {
  let granted: { by: User; permissions: Grants } | undefined
  return {
    ignoreSetstat,
    ending,
    bandwidth,
    get permissions() {
      const by = live.current
      if (granted?.by !== by) granted = { by, permissions: new Grants(by.permissions) }
      return granted.permissions
    },
    quota: { limits: () => limitsOf(live.current), used },
  }
}

/** 0 is none; rows of SFTPGo may hold negative numbers, which mean the same. */
function limitsOf({ quota_size, quota_files }: User): QuotaUse {
  return { size: Math.max(0, quota_size), files: Math.max(0, quota_files) }
}

/** Other ids than 1 to 65535 mean "do not change that half", -1 for chown(2): so nobody is mapped to root. */
export function fileOwner({ uid, gid }: Pick<User, 'uid' | 'gid'>): Owner | undefined {
  const [owner, group] = [uid, gid].map((id) => (id >= 1 && id <= 65535 ? id : -1)) as [number, number]
  return owner === -1 && group === -1 ? undefined : { uid: owner, gid: group }
}

/** Turns what an account does into log records and into what the list of connections shows. */
function observer(
  user: User,
  connection: Connection,
  protocol: Protocol,
  { log, metrics, hooks }: Pick<OpenAccountOptions, 'log' | 'metrics' | 'hooks'>,
): FileObserver {
  // Commands run no file operation that is logged as one; SSH is SFTP's neighbour in the records.
  const fileProtocol = protocol === 'SCP' ? 'SCP' : 'SFTP'
  const common = { username: user.username, connectionId: connection.connectionId, protocol: fileProtocol } as const
  const home = user.home_dir === '/' ? '' : user.home_dir
  const real = (path: VirtualPath): string => home + Buffer.from(path, 'latin1').toString('utf8')
  const told = { username: user.username, protocol, sshCommand: protocol === 'SCP' ? 'scp' : '' }
  const exact = (path: VirtualPath): string => Buffer.from(home).toString('latin1') + path
  return {
    transfer(operation, path) {
      // A command that hashes a file moves none of it.
      if (protocol === 'SSH') return { moved: () => undefined, end: () => undefined }
      const transfer = connection.startTransfer(operation, path)
      return {
        moved: (bytes) => transfer.moved(bytes),
        wantsLength: operation === 'upload' && hooks?.wants('upload') === true,
        end(error, lengthBytes) {
          transfer.end()
          const { elapsedMs, sizeBytes } = transfer
          metrics?.transferEnded({ operation, ok: error === undefined, sizeBytes, elapsedMs })
          log.transfer({
            ...common,
            sender: operation === 'upload' ? 'Upload' : 'Download',
            elapsedMs,
            sizeBytes,
            filePath: real(path),
            ...(error === undefined ? {} : { error }),
          })
          if (error !== undefined) return
          const length = lengthBytes ?? sizeBytes
          hooks?.file({ ...told, action: operation, path: exact(path), target: '', sizeBytes: length })
        },
      }
    },
    done(event) {
      log.command({ ...common, ...describe(event, real) })
      const { kind } = event
      if (kind !== 'Remove' && kind !== 'Rename') return
      const change =
        kind === 'Rename'
          ? ({ action: 'rename', target: exact(event.target) } as const)
          : ({ action: 'delete', target: '' } as const)
      hooks?.file({ ...told, ...change, path: exact(event.path), sizeBytes: 0 })
    },
    failed(attempt, error) {
      // A command tells of its own failures.
      if (protocol === 'SSH') return
      const reason = describeError(error)
      if (attempt.kind === 'Upload' || attempt.kind === 'Download') {
        log.transfer({
          ...common,
          sender: attempt.kind,
          elapsedMs: 0,
          sizeBytes: 0,
          filePath: real(attempt.path),
          error: reason,
        })
      } else if (attempt.kind === 'Other') {
        const message = `${attempt.operation} of ${JSON.stringify(real(attempt.path))} by ${JSON.stringify(user.username)} failed`
        const level = QUIET.has(attempt.operation) ? 'debug' : 'warn'
        log.app(protocol === 'SCP' ? 'scp' : 'sftpd', level, message, { connectionId: connection.connectionId, error })
      } else log.command({ ...common, ...describe(attempt, real), error: reason })
    },
  }
}

/** Asked for each of the names in a directory. */
const QUIET: ReadonlySet<keyof FileSystem> = new Set(['stat', 'lstat', 'readlink', 'statvfs'])

function describe(event: FileEvent, real: (path: VirtualPath) => string) {
  const { kind: sender } = event
  switch (event.kind) {
    case 'Rename':
      return { sender, filePath: real(event.path), targetPath: real(event.target) } as const
    case 'Symlink':
      return { sender, filePath: real(virtualPath(event.target)), targetPath: real(event.link) } as const
    case 'Chmod':
      return { sender, filePath: real(event.path), filemode: modeText(0o100000 | (event.mode & 0o7777)) } as const
    case 'Chown':
      return { sender, filePath: real(event.path), uid: event.uid, gid: event.gid } as const
    case 'Chtimes':
      return {
        sender,
        filePath: real(event.path),
        accessTimeMs: event.atime * 1000,
        modificationTimeMs: event.mtime * 1000,
      } as const
    default:
      return { sender, filePath: real(event.path) } as const
  }
}
