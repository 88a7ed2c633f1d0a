import type { KnownDifference } from './known.ts'

/** As OpenSSH calls its program; seen with version 9.2. */
const server = 'sftp-server'

export const OPENSSH_DIFFERENCES: readonly KnownDifference[] = [
  {
    server,
    names: [
      'packet type 0 is answered with OP_UNSUPPORTED',
      'packet type 21, LINK of version 6 is answered with OP_UNSUPPORTED',
      'packet type 22, BLOCK of version 6 is answered with OP_UNSUPPORTED',
      'packet type 23, UNBLOCK of version 6 is answered with OP_UNSUPPORTED',
      'packet type 99 is answered with OP_UNSUPPORTED',
      'packet type 150 is answered with OP_UNSUPPORTED',
      'packet type 199 is answered with OP_UNSUPPORTED',
      'packet type 202 is answered with OP_UNSUPPORTED',
      'packet type 210, for local use is answered with OP_UNSUPPORTED',
      'packet type 255, for local use is answered with OP_UNSUPPORTED',
      'VERSION, which only servers send, is refused',
      'STATUS, which only servers send, is refused',
      'HANDLE, which only servers send, is refused',
      'DATA, which only servers send, is refused',
      'NAME, which only servers send, is refused',
      'ATTRS, which only servers send, is refused',
      'EXTENDED_REPLY, which only servers send, is refused',
    ],
    reason:
      'OpenSSH logs a packet type that it does not know and says nothing, so that the client waits for ever; the draft (§7) has OP_UNSUPPORTED for it.',
  },
  {
    server,
    names: [
      'RENAME of a link to a dangling link is refused',
      'RENAME of a dangling link to a dangling link is refused',
    ],
    reason:
      'What is no regular file OpenSSH moves with rename(2) where stat(2) finds nothing, and stat looks through a dangling link, which is then replaced; the draft (§6.5) has an error whenever newpath exists.',
  },
]
