import { createHmac } from 'node:crypto'
import type { FileNotification, Notification, UserNotification } from './notification.ts'
import { textOf } from './notification.ts'

/** An HTTP request that is one notification. */
export interface HookRequest {
  /** `https://host:port`. */
  origin: string
  method: 'GET' | 'POST'
  /** Path and query. */
  target: string
  headers: Record<string, string>
  /** `''` for none. */
  body: string
}

export interface RequestOptions {
  url: string
  /** `''` leaves it unsigned. */
  secret: string
  /** Of the notification, the same with each attempt. */
  id: string
  nowMs: number
}

/** The request for one attempt. */
export function requestFor(notification: Notification, { url, secret, id, nowMs }: RequestOptions): HookRequest {
  const { origin, pathname, search, username, password } = new URL(url)
  const query = notification.of === 'file' ? fileQuery(notification) : [['action', notification.action] as const]
  const added = query.map(([name, value]) => `${name}=${percentEncoded(value)}`).join('&')
  const target = `${pathname}${search === '' ? '?' : `${search}&`}${added}`
  const [method, body] = notification.of === 'file' ? (['GET', ''] as const) : (['POST', bodyOf(notification)] as const)
  const headers: Record<string, string> = { 'user-agent': 'sftpgo', 'x-sftpgo-delivery': id }
  if (body !== '') headers['content-type'] = 'application/json'
  if (username !== '' || password !== '') headers['authorization'] = basic(username, password)
  if (secret !== '') {
    const timestamp = Math.floor(nowMs / 1000)
    headers['x-sftpgo-signature'] = `t=${timestamp},v1=${signature(secret, { timestamp, id, method, target, body })}`
  }
  return { origin, method, target, headers, body }
}

/** HMAC-SHA256 over the lines time, id, method, target and body, in hexadecimal. */
export function signature(
  secret: string,
  {
    timestamp,
    id,
    method,
    target,
    body,
  }: { timestamp: number; id: string; method: string; target: string; body: string },
): string {
  return createHmac('sha256', secret).update([timestamp, id, method, target, body].join('\n')).digest('hex')
}

function fileQuery({ action, username, path, target }: FileNotification): (readonly [string, string | Buffer])[] {
  const renamed = action === 'rename' ? [['target_path', Buffer.from(target, 'latin1')] as const] : []
  return [['action', action], ['username', username], ['path', Buffer.from(path, 'latin1')], ...renamed]
}

/** As SFTPGo's: keys are there when there are any. */
function bodyOf({ user }: UserNotification): string {
  const { public_keys: keys, ...rest } = user
  return JSON.stringify(keys.length > 0 ? user : rest)
}

/** RFC 3986 section 2.1: every byte that is not unreserved. */
function percentEncoded(value: string | Buffer): string {
  return Array.from(Buffer.from(value as string), (byte) => {
    const char = String.fromCharCode(byte)
    return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from([username, password].map(decoded).join(':')).toString('base64')}`
}

/** A `%` that escapes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What a command is told. */
export interface Invocation {
  args: string[]
  env: Record<string, string>
}

/** Arguments as SFTPGo gives them, and variables that say more. */
export function invocationFor(notification: Notification, id: string): Invocation {
  return notification.of === 'file' ? fileInvocation(notification, id) : userInvocation(notification, id)
}

function fileInvocation(notification: FileNotification, id: string): Invocation {
  const { action, username, path, target, sizeBytes, protocol, sshCommand } = notification
  return {
    args: [action, username, textOf(path), textOf(target)],
    env: {
      SFTPGO_ACTION: action,
      SFTPGO_ACTION_USERNAME: username,
      SFTPGO_ACTION_PATH: textOf(path),
      SFTPGO_ACTION_TARGET: textOf(target),
      SFTPGO_ACTION_SSH_CMD: sshCommand,
      SFTPGO_ACTION_FILE_SIZE: String(sizeBytes),
      SFTPGO_ACTION_PROTOCOL: protocol,
      SFTPGO_ACTION_ID: id,
      ...exact('SFTPGO_ACTION_PATH_BASE64', path),
      ...exact('SFTPGO_ACTION_TARGET_BASE64', target),
    },
  }
}

/** Arguments and variables are UTF-8 here: the bytes of another path come encoded. */
function exact(variable: string, path: string): Record<string, string> {
  const bytes = Buffer.from(path, 'latin1')
  return Buffer.from(textOf(path)).equals(bytes) ? {} : { [variable]: bytes.toString('base64') }
}

function userInvocation({ action, user }: UserNotification, id: string): Invocation {
  const { username, id: userId, status, expiration_date: expiration, home_dir: home, uid, gid } = user
  const numbers = { id: String(userId), status: String(status), uid: String(uid), gid: String(gid) }
  return {
    args: [action, username, numbers.id, numbers.status, String(expiration), home, numbers.uid, numbers.gid],
    env: {
      SFTPGO_USER_ACTION: action,
      SFTPGO_USER_USERNAME: username,
      SFTPGO_USER_ID: numbers.id,
      SFTPGO_USER_STATUS: numbers.status,
      SFTPGO_USER_EXPIRATION_DATE: String(expiration),
      SFTPGO_USER_HOME_DIR: home,
      SFTPGO_USER_UID: numbers.uid,
      SFTPGO_USER_GID: numbers.gid,
      SFTPGO_USER_ACTION_ID: id,
    },
  }
}
