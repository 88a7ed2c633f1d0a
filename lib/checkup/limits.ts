import { PASSWORD_MAX_BYTES, WAITING_CHECKS_MAX } from '../accounts/passwords.ts'
import { PERMISSION_PATHS_MAX } from '../accounts/granted.ts'
import { KEY_LINE_MAX_LENGTH } from '../accounts/public-keys.ts'
import { HOME_DIR_MAX_LENGTH, PUBLIC_KEYS_MAX, USERNAME_MAX_BYTES } from '../accounts/validate.ts'
import { MAX_CONFIG_BYTES } from '../config/file.ts'
import { PATIENCE_MS } from '../defender/startups.ts'
import { MAX_BODY_BYTES } from '../httpd/body.ts'
import { LOGIN_GRACE_MS, MAX_CHANNELS, MAX_UNREAD_BYTES, MIN_CHANNEL_PACKET_BYTES } from '../sshd/peer.ts'
import { MAX_MATCHES } from '../../protocol/exec/expand.ts'
import { MAX_PATH_BYTES } from '../../protocol/filesystem.ts'
import { MAX_LINE_BYTES } from '../../protocol/scp/messages.ts'
import { MAX_DEPTH } from '../../protocol/scp/walk.ts'
import { DEFAULT_LIMITS } from '../../protocol/sftp/limits.ts'

export interface FixedLimit {
  name: string
  value: number
  unit: string
  /** What happens at it. */
  meaning: string
}

const row = (name: string, value: number, unit: string, meaning: string): FixedLimit => ({ name, value, unit, meaning })

/** Limits that no setting changes: for whoever wonders why something stopped. */
export const FIXED_LIMITS: readonly FixedLimit[] = [
  row('login time', LOGIN_GRACE_MS, 'ms', 'from the TCP connection to the end of the login; then disconnected'),
  row('silence before a name', PATIENCE_MS.silent, 'ms', 'after it a connection may have to make room for a new one'),
  row('silence before keys', PATIENCE_MS.identified, 'ms', 'likewise, once the client has said its name'),
  row('silence before a login', PATIENCE_MS['keys exchanged'], 'ms', 'likewise, once keys are exchanged'),
  row('channels', MAX_CHANNELS, 'per connection', 'sessions at once; a further one is refused'),
  row('smallest channel packet', MIN_CHANNEL_PACKET_BYTES, 'bytes', 'a client that takes less gets no channel'),
  row(
    'unread answers before the login',
    MAX_UNREAD_BYTES.beforeLogin,
    'bytes',
    'the client is not read until it reads',
  ),
  row('unread answers after the login', MAX_UNREAD_BYTES.afterLogin, 'bytes', 'the client is not read until it reads'),
  row('SFTP packet', DEFAULT_LIMITS.maxPacketBytes, 'bytes', 'a longer one ends the session'),
  row('SFTP read', DEFAULT_LIMITS.maxReadBytes, 'bytes', 'a READ for more gets this much'),
  row('SFTP handles', DEFAULT_LIMITS.maxHandles, 'per session', 'files and directories open at once; then OPEN fails'),
  row('SFTP requests waiting', DEFAULT_LIMITS.maxPendingRequests, 'per session', 'the session is not read on'),
  row('SFTP bytes waiting', DEFAULT_LIMITS.maxPendingBytes, 'bytes per session', 'the session is not read on'),
  row('SFTP replies waiting', DEFAULT_LIMITS.maxUnsentBytes, 'bytes per session', 'no further request is begun'),
  row('SFTP requests under way', DEFAULT_LIMITS.maxRunning, 'per session', 'others wait for their turn'),
  row('path', MAX_PATH_BYTES, 'bytes', 'a longer one is refused'),
  row('SCP message', MAX_LINE_BYTES, 'bytes', 'a longer one ends the transfer'),
  row('SCP depth', MAX_DEPTH, 'directories', 'what lies deeper is refused'),
  row('names of a pattern', MAX_MATCHES, 'per command', 'a pattern that stands for more is refused'),
  row('password', PASSWORD_MAX_BYTES, 'bytes', 'a longer one is refused unchecked'),
  row('password checks waiting', WAITING_CHECKS_MAX, 'in all', 'a further one is refused'),
  row('user name', USERNAME_MAX_BYTES, 'bytes', 'no longer one can be added'),
  row('home directory', HOME_DIR_MAX_LENGTH, 'characters', 'no longer one can be added'),
  row('public keys', PUBLIC_KEYS_MAX, 'per account', 'no more can be added'),
  row('public key', KEY_LINE_MAX_LENGTH, 'characters', 'no longer one can be added'),
  row('permissions', PERMISSION_PATHS_MAX, 'directories per account', 'no more can be added'),
  row('HTTP body', MAX_BODY_BYTES, 'bytes', 'a request with a longer one is answered 413'),
  row('configuration file', MAX_CONFIG_BYTES, 'bytes', 'a larger one is refused'),
]
