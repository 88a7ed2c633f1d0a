import { dirname, join } from 'node:path'
import { readInput } from '../api-client/dump-file.ts'
import type { Entry } from './account.ts'
import type { ConvertFormat } from './formats.ts'
import { readProftpd } from './proftpd.ts'
import { readPureFtpd } from './pure-ftpd.ts'
import { readUnixPasswd } from './unix-passwd.ts'

/**
 * @param shadow of unix-passwd; `''` for the file `shadow` in the same directory.
 * @throws Error in one line for a file that cannot be read.
 */
export async function readAccounts(input: string, format: ConvertFormat, shadow: string): Promise<Entry[]> {
  const content = await readInput(input)
  if (format === 'pure-ftpd') return readPureFtpd(content)
  if (format === 'proftpd') return readProftpd(content)
  return readUnixPasswd(content, await readInput(shadow === '' ? join(dirname(input), 'shadow') : shadow))
}
