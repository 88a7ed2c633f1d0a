import { chown } from 'node:fs/promises'
import type { FileSystem, VirtualPath } from '../../protocol/filesystem.ts'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { User } from '../accounts/user.ts'
import type { Connection, Protocol } from '../connections/connections.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { Log } from '../logging/log.ts'
import type { QuotaUse } from '../providers/provider.ts'
import { AccountFileSystem } from '../vfs/account-filesystem.ts'
import type { FileEvent, FileObserver } from '../vfs/account-filesystem.ts'
import { LocalFileSystem } from '../vfs/local-filesystem.ts'
import { demand } from '../vfs/permissions.ts'
import type { Storage } from '../vfs/storage.ts'
import { modeText } from '../../protocol/sftp/longname.ts'
import { makeDirectories } from './make-directories.ts'

/** Gives a logged-in user its files. */
export interface OpenAccount {
  /** Makes the home directory, parents included, where it is missing. @throws the system's error. */
  prepare(user: User): Promise<void>
  /** One view of the home for one channel; `close` it when everything opened through it is closed. */
  open(user: User, connection: Connection, protocol: Protocol): Promise<{ fs: FileSystem; close(): void }>
}

export interface OpenAccountOptions {
  storage: Storage
  /** For homes on a file system in memory. */
  memoryStorage: Storage
  hasher: Hasher
  log: Log
  /** `sftpd.setstat_mode`. */
  setstatMode: number
  /** The server runs as root: created files are given to the account's uid and gid. */
  isRoot: boolean
  /** What the account occupies, as the provider knows it. */
  usedQuota(username: string): Promise<QuotaUse>
}

export function createOpenAccount(options: OpenAccountOptions): OpenAccount {
  const { storage, log, setstatMode, isRoot } = options
  const ownerOf = (user: User): { uid: number; gid: number } | undefined => {
    const { uid, gid } = user
    // -1 leaves that half as it is (chown(2)); 0 in the account means the same, so nobody is mapped to root.
    return isRoot && (uid > 0 || gid > 0) ? { uid: uid > 0 ? uid : -1, gid: gid > 0 ? gid : -1 } : undefined
  }
  return {
    async prepare(user) {
      const made = await makeDirectories(user.home_dir)
      const owner = ownerOf(user)
      if (made && owner !== undefined) await chown(user.home_dir, owner.uid, owner.gid)
    },
    async open(user, connection, protocol) {
      const permissions = new Set(user.permissions)
      const owner = ownerOf(user)
      const local = await LocalFileSystem.open({
        storage,
        memoryStorage: options.memoryStorage,
        hasher: options.hasher,
        home: Buffer.from(user.home_dir).toString('latin1'),
        ...(owner === undefined ? {} : { owner }),
        authorizeOverwrite: () => demand(permissions, ['overwrite']),
      })
      const quota = {
        maxBytes: user.quota_size,
        maxFiles: user.quota_files,
        used: () => options.usedQuota(user.username),
      }
      const rules = { permissions, ignoreSetstat: setstatMode === 1, quota }
      const fs = new AccountFileSystem(local, rules, observer(user, connection, protocol, log))
      return { fs, close: () => local.close() }
    },
  }
}

/** Turns what an account does into log records and into what the list of connections shows. */
function observer(user: User, connection: Connection, protocol: Protocol, log: Log): FileObserver {
  // Commands run no file operation that is logged as one; SSH is SFTP's neighbour in the records.
  const fileProtocol = protocol === 'SCP' ? 'SCP' : 'SFTP'
  const common = { username: user.username, connectionId: connection.connectionId, protocol: fileProtocol } as const
  const home = user.home_dir === '/' ? '' : user.home_dir
  const real = (path: VirtualPath): string => home + Buffer.from(path, 'latin1').toString('utf8')
  return {
    transfer(operation, path) {
      // A command that hashes a file moves none of it.
      if (protocol === 'SSH') return { moved: () => undefined, end: () => undefined }
      const transfer = connection.startTransfer(operation, path)
      return {
        moved: (bytes) => transfer.moved(bytes),
        end(error) {
          transfer.end()
          log.transfer({
            ...common,
            sender: operation === 'upload' ? 'Upload' : 'Download',
            elapsedMs: transfer.elapsedMs,
            sizeBytes: transfer.sizeBytes,
            filePath: real(path),
            ...(error === undefined ? {} : { error }),
          })
        },
      }
    },
    done: (event) => log.command({ ...common, ...describe(event, real) }),
  }
}

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
