import { z } from 'zod'
import { userSchema } from '../accounts/user.ts'
import type { User } from '../accounts/user.ts'

export const FILE_ACTIONS = ['download', 'upload', 'delete', 'rename'] as const
export type FileAction = (typeof FILE_ACTIONS)[number]

export const USER_ACTIONS = ['add', 'update', 'delete'] as const
export type UserAction = (typeof USER_ACTIONS)[number]

const fileSchema = z.object({
  of: z.literal('file'),
  action: z.enum(FILE_ACTIONS),
  username: z.string(),
  /** On the host, one character a byte. */
  path: z.string(),
  /** Of a rename, likewise; else `''`. */
  target: z.string(),
  /** Of the file after an upload, of what was sent by a download; else 0. */
  sizeBytes: z.int(),
  protocol: z.enum(['SFTP', 'SCP', 'SSH']),
  /** The command that moved the file, `''` for none. */
  sshCommand: z.string(),
})

const userNotificationSchema = z.object({
  of: z.literal('user'),
  action: z.enum(USER_ACTIONS),
  user: userSchema.omit({ password: true }),
})

/** Something was done to a file, and succeeded. */
export type FileNotification = z.infer<typeof fileSchema>
/** An account was added, changed or removed by an administrator. */
export type UserNotification = z.infer<typeof userNotificationSchema>
export type Notification = FileNotification | UserNotification

const notificationSchema = z.discriminatedUnion('of', [fileSchema, userNotificationSchema])

/** As it is kept while it waits. */
export function payloadOf(notification: Notification): string {
  return JSON.stringify(notification)
}

/** @returns undefined for what no version of this server has written. */
export function notificationOf(payload: string): Notification | undefined {
  try {
    return notificationSchema.safeParse(JSON.parse(payload)).data
  } catch {
    return undefined
  }
}

export function userNotification(action: UserAction, user: User): UserNotification {
  const { password: _, ...rest } = user
  return { of: 'user', action, user: rest }
}

/** What is delivered one after the other: all that concerns one of these. */
export function subjectsOf(notification: Notification): string[] {
  if (notification.of === 'user') return [notification.user.username]
  const { path, target } = notification
  return target === '' || target === path ? [path] : [path, target]
}

/** For the log. */
export function described(notification: Notification): string {
  if (notification.of === 'user') return `${notification.action} of user ${JSON.stringify(notification.user.username)}`
  return `${notification.action} of ${JSON.stringify(textOf(notification.path))}`
}

/** A path as text: bytes that are no UTF-8 become U+FFFD. */
export function textOf(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8')
}
