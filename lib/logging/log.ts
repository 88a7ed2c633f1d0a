export type Level = 'debug' | 'info' | 'warn' | 'error'

/** Senders of internal records; the other categories carry a fixed sender. */
export type AppSender =
  'service' | 'config' | 'utils' | 'sftpd' | 'scp' | 'ssh' | 'httpd' | 'defender' | 'dataProvider' | 'sqlite'

export interface TransferRecord {
  sender: 'Upload' | 'Download'
  elapsedMs: number
  /** Bytes moved by this transfer. */
  sizeBytes: number
  username: string
  /** Real path, as one-char-per-byte text (latin1) or UTF-8 text: see `textOf` in lib/vfs. */
  filePath: string
  connectionId: string
  protocol: 'SFTP' | 'SCP'
  /** Why the transfer failed; absent on success. */
  error?: string
}

export interface CommandRecord {
  sender: 'Rename' | 'Rmdir' | 'Mkdir' | 'Symlink' | 'Remove' | 'Chmod' | 'Chown' | 'Chtimes' | 'SSHCommand'
  username: string
  filePath: string
  targetPath?: string
  /** `-rw-r--r--`, Chmod only. */
  filemode?: string
  /** Chown only. */
  uid?: number
  gid?: number
  /** Milliseconds since the epoch, Chtimes only. */
  accessTimeMs?: number
  modificationTimeMs?: number
  sshCommand?: string
  connectionId: string
  protocol: 'SFTP' | 'SCP' | 'SSH'
  /** Why it was refused or failed; absent on success. */
  error?: string
}

export interface HttpRecord {
  method: string
  /** `HTTP/1.1`. */
  proto: string
  remoteAddr: string
  requestId: string
  uri: string
  userAgent: string
  respStatus: number
  respSize: number
  elapsedMs: number
}

export interface ConnectionFailedRecord {
  clientIp: string
  username: string
  loginType: 'public_key' | 'password' | 'no_auth_tryed'
  error: string
}

/** The five categories of records the server writes; key names and levels are those of SFTPGo. */
export interface Log {
  app(sender: AppSender, level: Level, message: string, context?: { connectionId?: string; error?: unknown }): void
  transfer(record: TransferRecord): void
  command(record: CommandRecord): void
  http(record: HttpRecord): void
  connectionFailed(record: ConnectionFailedRecord): void
  /** Resolves when everything logged so far has been handed to the operating system. */
  close(): Promise<void>
}

/** The log as its owner has it. */
export interface ServerLog extends Log {
  /** Begins a new log file. Resolves when that is done, or has failed; never rejects. */
  rotate(): Promise<void>
  /** Whether app records at debug are written from now on. */
  setVerbose(on: boolean): void
}
