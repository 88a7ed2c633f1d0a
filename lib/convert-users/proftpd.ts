import { basics, readEntries } from './account.ts'
import type { Entry } from './account.ts'

/** An AuthUserFile of ProFTPD: passwd(5) with the hash in it. */
export function readProftpd(content: Buffer): Entry[] {
  return readEntries(content, 7, (fields) => {
    const account = basics(fields)
    return 'notes' in account ? account : { account }
  })
}
