import { createHash, randomFillSync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { PathLike } from 'node:fs'
import { lstat, mkdir, open, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const BLOCK_BYTES = 1024 * 1024

/** Contents that neither compress nor repeat at a block's border. */
export function randomBytes(bytes: number): Buffer {
  return randomFillSync(Buffer.allocUnsafe(bytes))
}

export async function writeRandomFile(path: PathLike, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (let left = bytes; left > 0; left -= BLOCK_BYTES) await file.write(randomBytes(Math.min(left, BLOCK_BYTES)))
  } finally {
    await file.close()
  }
}

/** Files named 0000.bin and on, all in one new directory. */
export async function writeRandomFiles(dir: string, count: number, bytes: number): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (let i = 0; i < count; i++) await writeFile(join(dir, `${String(i).padStart(4, '0')}.bin`), randomBytes(bytes))
}

export async function sha256(path: PathLike): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: BLOCK_BYTES }), hash)
  return hash.digest('hex')
}

/**
 * What is below a directory: each name, with one character a byte, and its contents' hash, `directory` or the link's
 * target.
 */
export async function manifest(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const visit = async (path: Buffer, prefix: string): Promise<void> => {
    for (const name of (await readdir(path, { encoding: 'buffer' })).toSorted((a, b) => a.compare(b))) {
      const full = Buffer.concat([path, Buffer.from('/'), name])
      const shown = prefix + name.toString('latin1')
      const stat = await lstat(full)
      if (stat.isSymbolicLink()) found[shown] = `link to ${await readlink(full, { encoding: 'latin1' })}`
      else if (stat.isDirectory()) {
        found[shown] = 'directory'
        await visit(full, `${shown}/`)
      } else found[shown] = await sha256(full)
    }
  }
  await visit(Buffer.from(dir), '')
  return found
}

export async function exists(path: PathLike): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
