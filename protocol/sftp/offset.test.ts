import { expect, test } from 'vitest'
import { fileOffset } from './offset.ts'

test.each([0n, 1n, (1n << 32n) + 1n, (1n << 53n) - 1n])('%s is an offset, exactly', (offset) => {
  expect(BigInt(fileOffset(offset))).toBe(offset)
})

test.each([1n << 53n, (1n << 63n) - 1n])('%s is an offset that no file reaches', (offset) => {
  expect(() => fileOffset(offset)).toThrow(expect.objectContaining({ name: 'FsError', kind: 'failure' }))
})

test.each([1n << 63n, (1n << 64n) - 1n])('%s is no offset', (offset) => {
  expect(() => fileOffset(offset)).toThrow(expect.objectContaining({ name: 'FsError', kind: 'invalid' }))
})
