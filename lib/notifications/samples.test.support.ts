import { vi } from 'vitest'
import { sampleUser } from '../providers/contract.ts'
import type { User } from '../accounts/user.ts'
import type { Actions, AllActions } from './hooks.ts'
import type { FileNotification } from './notification.ts'
import type { Owner } from './owner.ts'

export function fileNotification(overrides: Partial<FileNotification> = {}): FileNotification {
  return {
    of: 'file',
    action: 'upload',
    username: 'alice',
    path: '/srv/alice/file',
    target: '',
    sizeBytes: 12,
    protocol: 'SFTP',
    sshCommand: '',
    ...overrides,
  }
}

export function storedUser(overrides: Partial<User> = {}): User {
  const counters = { used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 }
  return { ...sampleUser('alice'), id: 7, ...counters, ...overrides }
}

export function actions(overrides: Partial<Actions> = {}): Actions {
  return { execute_on: [], command: '', command_timeout: 300, http_notification_url: '', secret: '', ...overrides }
}

export function onFiles(overrides: Partial<Actions>): AllActions {
  const execute_on = ['download', 'upload', 'delete', 'rename']
  return { 'sftpd.actions': actions({ execute_on, ...overrides }), 'data_provider.actions': actions() }
}

/** One that knows of some that they have ended. */
export function owner(name: string, gone: readonly string[] = []): Owner {
  return { name, instance: name.padEnd(8, '0').slice(0, 8), isGone: (other) => gone.includes(other) }
}

/** Lets everything happen that needs no time to pass. */
export async function settled(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** No time-out of vitest's own is shorter than what a loaded machine may need. */
export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: 30_000, interval: 10 })
