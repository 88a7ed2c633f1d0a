import { MAX_PACKET_BYTES } from './deframer.ts'

/** What one channel may make the server hold. Each is enforced by refusing or by not reading on. */
export interface SftpLimits {
  /** A longer packet ends the session. */
  maxPacketBytes: number
  /** Longest DATA; a READ for more gets this much. */
  maxReadBytes: number
  /** Files and directories open at once; OPEN and OPENDIR over it fail. */
  maxHandles: number
  /** Requests waiting for their turn; over it the channel is not read. */
  maxPendingRequests: number
  /** Bytes of requests waiting or under way; over it the channel is not read. */
  maxPendingBytes: number
  /** Bytes of replies not taken by the client yet, READs under way included; over it no request starts. */
  maxUnsentBytes: number
  /** Requests under way at once, so that one channel cannot occupy every thread. */
  maxRunning: number
}

/** What is left of a packet for data: OpenSSH keeps 1 KiB for the other fields. */
const DATA_BYTES = MAX_PACKET_BYTES - 1024

export const DEFAULT_LIMITS: Readonly<SftpLimits> = {
  maxPacketBytes: MAX_PACKET_BYTES,
  maxReadBytes: DATA_BYTES,
  maxHandles: 1024,
  // OpenSSH's sftp keeps 64 requests under way, sshfs some 200.
  maxPendingRequests: 1024,
  // More than ssh2's channel window of 2 MiB: enough to keep the disk busy while the network fills the next.
  maxPendingBytes: 3 * 1024 * 1024,
  // What the client has not taken waits here as plain bytes: its window, not this, keeps the network busy.
  maxUnsentBytes: 1024 * 1024,
  maxRunning: 16,
}
