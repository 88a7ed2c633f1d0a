import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Scope } from '../conformance/harness/scope.ts'
import { MEMORY_DIR, tempDir } from '../conformance/harness/temp.ts'

const PIECE = Buffer.alloc(508 * 1024, 'memory')
const KEPT = Buffer.alloc(4 * 1024, 'memory')

/**
 * Keeps so many bytes of the machine's free memory at hand until the scope ends. The host of a virtual machine may take back
 * what is free, by pieces of 2 MiB; the first use of each page then waits for the host, which costs a transfer to files
 * in memory more than all else. So that much is used once, and one page of every half MiB stays in use.
 */
export async function keepMemoryAtHand(scope: Scope, bytes: number): Promise<void> {
  const dir = await tempDir(scope, MEMORY_DIR)
  const pieces = Array.from({ length: Math.ceil(bytes / (PIECE.length + KEPT.length)) }, (_, index) =>
    join(dir, `${index}`),
  )
  for (const piece of pieces) {
    await writeFile(piece, PIECE)
    await writeFile(`${piece}.kept`, KEPT)
  }
  for (const piece of pieces) await rm(piece)
}
