import { expect, test } from 'vitest'
import { withinQuota } from './volume.ts'

const VOLUME = {
  blockSize: 4096n,
  fragmentSize: 4096n,
  blocks: 1000n,
  freeBlocks: 600n,
  availableBlocks: 500n,
  files: 100n,
  freeFiles: 40n,
  availableFiles: 40n,
  filesystemId: 0n,
  flags: 0n,
  maxNameBytes: 255n,
}
const used = async () => ({ size: 4096 * 10, files: 3 })

test.each([
  { rule: 'without a quota the disk is shown', maxBytes: 0, maxFiles: 0, shown: {} },
  {
    rule: 'with one the quota is the size, and what is left of it is free',
    maxBytes: 4096 * 100,
    maxFiles: 10,
    shown: { blocks: 100n, freeBlocks: 90n, availableBlocks: 90n, files: 10n, freeFiles: 7n, availableFiles: 7n },
  },
  {
    rule: 'a quota on size leaves the files to the disk',
    maxBytes: 4096 * 100,
    maxFiles: 0,
    shown: { blocks: 100n, freeBlocks: 90n, availableBlocks: 90n },
  },
  {
    rule: 'no more is free than the disk has',
    maxBytes: 4096 * 5000,
    maxFiles: 1000,
    shown: {
      blocks: 5000n,
      freeBlocks: 600n,
      availableBlocks: 500n,
      files: 1000n,
      freeFiles: 40n,
      availableFiles: 40n,
    },
  },
  {
    rule: 'an account above its quota has nothing left',
    maxBytes: 4096,
    maxFiles: 1,
    shown: { blocks: 1n, freeBlocks: 0n, availableBlocks: 0n, files: 1n, freeFiles: 0n, availableFiles: 0n },
  },
])('$rule', async ({ maxBytes, maxFiles, shown }) => {
  expect(await withinQuota(VOLUME, { limits: () => ({ size: maxBytes, files: maxFiles }), used })).toEqual({
    ...VOLUME,
    ...shown,
  })
})
