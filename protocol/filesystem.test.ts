import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FsError, MAX_PATH_BYTES, virtualPath } from './filesystem.ts'

describe('virtualPath', () => {
  test.each([
    { raw: '/', path: '/', rule: 'the root is itself' },
    { raw: '', path: '/', rule: 'empty means home' },
    { raw: '.', path: '/', rule: '`.` is where it stands' },
    { raw: 'a', path: '/a', rule: 'a relative path begins at home' },
    { raw: '/a/b', path: '/a/b', rule: 'an absolute path is itself' },
    { raw: '//a///b//', path: '/a/b', rule: 'slashes collapse, and a last one goes' },
    { raw: '/a/./b/.', path: '/a/b', rule: '`.` disappears' },
    { raw: '/a/b/../c', path: '/a/c', rule: '`..` takes one away' },
    { raw: '..', path: '/', rule: '`..` stops at the root' },
    { raw: '/../../a/../../b', path: '/b', rule: '`..` stops at the root, anywhere' },
    { raw: '/...', path: '/...', rule: 'three dots are a name' },
    { raw: '/a\\..\\b', path: '/a\\..\\b', rule: 'a backslash is a character' },
    { raw: '/\xff\x01\x7f', path: '/\xff\x01\x7f', rule: 'bytes stay as they are' },
    { raw: '~', path: '/~', rule: 'a tilde is a character' },
  ])('$rule: $raw', ({ raw, path }) => expect(virtualPath(raw)).toBe(path))

  test('a relative path begins at the home it is given', () => {
    expect(virtualPath('a/../b', '/home/user')).toBe('/home/user/b')
    expect(virtualPath('', '/home/user')).toBe('/home/user')
    expect(virtualPath('/b', '/home/user')).toBe('/b')
  })

  test('a NUL byte is no part of any name', () => {
    expect(() => virtualPath('/a\0b')).toThrow(expect.objectContaining({ name: 'FsError', kind: 'not-found' }))
  })

  test('a path over the limit is refused, one at the limit is not', () => {
    expect(virtualPath(`/${'a'.repeat(MAX_PATH_BYTES - 1)}`)).toHaveLength(MAX_PATH_BYTES)
    expect(() => virtualPath('a'.repeat(MAX_PATH_BYTES + 1))).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })

  test('any path is absolute, normalised, and stays as it is when normalised again', () => {
    const component = fc.oneof(fc.constantFrom('', '.', '..'), fc.string({ minLength: 1, maxLength: 3 }))
    fc.assert(
      fc.property(fc.array(component), fc.boolean(), (components, absolute) => {
        const path = virtualPath(`${absolute ? '/' : ''}${components.join('/')}`)
        expect(path.startsWith('/')).toBe(true)
        for (const part of path.slice(1).split('/')) expect(['.', '..']).not.toContain(part)
        expect(path === '/' || !/\/(\/|$)/.test(path)).toBe(true)
        expect(virtualPath(path)).toBe(path)
      }),
    )
  })
})

test('an FsError keeps its kind, its message and its cause', () => {
  const cause = new Error('EACCES')
  const error = new FsError('permission', 'Not allowed', { cause })
  expect(error).toMatchObject({ name: 'FsError', kind: 'permission', message: 'Not allowed', cause })
})
