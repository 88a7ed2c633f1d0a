import { open } from 'node:fs/promises'

/** Where both formats keep their mark: behind the header of the first page. */
const MARK_OFFSET = 16
const LMDB_MARK = 0xbeefc0de
const BBOLT_MARK = 0xed0cdaed
/** A second copy stands at the beginning of the second page, whose size is that of the machine that made the file. */
const PAGE_SIZES = [4096, 8192, 16_384, 32_768, 65_536]

/**
 * Makes sure that LMDB may open a file: it would take anything for its own, and a missing one would be left to the
 * umask, with the password hashes in it.
 * @returns whether it is empty.
 * @throws Error saying what the file is; it is not changed.
 */
export async function prepareFile(path: string): Promise<boolean> {
  await createMissing(path)
  // LMDB's list of readers, which it makes beside the file.
  await createMissing(`${path}-lock`)
  const head = await firstBytes(path)
  if (head.length === 0) return true
  if (marked(head, 0, BBOLT_MARK) || PAGE_SIZES.some((size) => marked(head, size, BBOLT_MARK))) {
    throw new Error(
      'it is a bbolt file of SFTPGo, which is not read here, and was not changed. To move: set data_provider.name to ' +
        'another path; add each user that GET /api/v1/user of the old server lists with POST /api/v1/user, with a ' +
        'password or its hash. Or bring the users into a SQL database with an SQL dump and use its driver.',
    )
  }
  if (!marked(head, 0, LMDB_MARK)) throw new Error('it is no database of this driver, and was not changed')
  return false
}

async function createMissing(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const bytes = Buffer.alloc(65_536 + MARK_OFFSET + 4)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Both formats write numbers in the order of the machine. */
function marked(head: Buffer, page: number, mark: number): boolean {
  const at = page + MARK_OFFSET
  return at + 4 <= head.length && (head.readUInt32LE(at) === mark || head.readUInt32BE(at) === mark)
}
