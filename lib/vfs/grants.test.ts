import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import { PERMISSIONS } from '../accounts/user.ts'
import type { GrantedPermissions, Permission } from '../accounts/user.ts'
import { Grants, parentOf } from './grants.ts'

const at = (granted: GrantedPermissions, path: string): Permission[] => [...new Grants(granted).at(virtualPath(path))]

describe('what is granted at a path', () => {
  const BY_PATH: GrantedPermissions = { '/': ['list'], '/a': ['upload'], '/a/b/c': [], '/é': ['download'] }
  test.each([
    ['/', ['list']],
    ['/x', ['list']],
    ['/ab', ['list']],
    ['/a', ['upload']],
    ['/a/x', ['upload']],
    ['/a/b', ['upload']],
    ['/a/b/c', []],
    ['/a/b/c/d/e', []],
    ['/a/b/cd', ['upload']],
    // As a client sends it: one character a byte.
    ['/\xc3\xa9/x', ['download']],
    ['/\xe9/x', ['list']],
  ] as const)('%s', (path, expected) => {
    expect(at(BY_PATH, path)).toEqual(expected)
  })

  test('a list holds everywhere', () => {
    for (const path of ['/', '/a', '/a/b']) expect(at(['list', 'upload'], path)).toEqual(['list', 'upload'])
    expect(at([], '/a')).toEqual([])
  })

  test('"*" is every word', () => {
    expect(at(['*'], '/a')).toEqual([...PERMISSIONS])
    expect(at({ '/': [], '/a': ['*'] }, '/a/b')).toEqual([...PERMISSIONS])
  })

  test('is uniform when there is nothing but the root', () => {
    expect(new Grants(['*']).uniform).toBe(true)
    expect(new Grants({ '/': ['list'] }).uniform).toBe(true)
    expect(new Grants({ '/': ['list'], '/a': ['list'] }).uniform).toBe(false)
  })

  test('differs at the paths that have a list, and at those that lead to one', () => {
    const grants = new Grants(BY_PATH)
    const differing = ['/', '/a', '/a/b', '/a/b/c', '/a/b/c/d', '/a/x', '/x', '/b'].filter((path) =>
      grants.differAt(virtualPath(path)),
    )
    expect(differing).toEqual(['/', '/a', '/a/b', '/a/b/c'])
    expect(new Grants(['list']).differAt(virtualPath('/'))).toBe(false)
  })

  test('a path that is none is a mistake of the caller', () => {
    expect(() => new Grants({ '/': [], a: [] })).toThrow(TypeError)
  })
})

test('the nearest ancestor decides, whatever the tree', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'é', '\u{1f600}')
  const path = fc.array(name, { maxLength: 5 }).map((names) => `/${names.join('/')}`)
  const words = fc.uniqueArray(fc.constantFrom(...PERMISSIONS.slice(1)))
  fc.assert(
    fc.property(fc.dictionary(path, words, { maxKeys: 8 }), path, (lists, asked) => {
      const granted = { '/': [], ...lists }
      const nearest = Object.keys(granted)
        .filter((key) => key === '/' || asked === key || asked.startsWith(`${key}/`))
        .toSorted((a, b) => b.length - a.length)[0]
      const expected = (granted as Record<string, Permission[]>)[nearest ?? '/']
      expect(at(granted, Buffer.from(asked).toString('latin1'))).toEqual(expected)
    }),
  )
})

test.each([
  ['/', '/'],
  ['/a', '/'],
  ['/a/b', '/a'],
])('the parent of %s is %s', (path, parent) => {
  expect(parentOf(path)).toBe(parent)
})
