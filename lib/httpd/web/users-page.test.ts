import { describe, expect, test } from 'vitest'
import { aUser } from '../fakes.test.support.ts'
import { pageWithin, readUsersQuery, usersPage } from './users-page.ts'

const read = (query: string) => readUsersQuery(new URLSearchParams(query))

test('without parameters it is the first page by username', () => {
  expect(read('')).toEqual({ search: '', sort: 'username', order: 'ASC', page: 1, pageSize: 25 })
  expect(read('q=a%25&sort=last_login&order=desc&page=3&qlimit=500')).toEqual({
    search: 'a%',
    sort: 'last_login',
    order: 'DESC',
    page: 3,
    pageSize: 500,
  })
})

test.each([
  'sort=password',
  'sort=',
  'sort=username;drop',
  'order=DESC',
  'page=0',
  'page=-1',
  'page=x',
  'page=99999999999999999999',
  'qlimit=501',
  'qlimit=',
  `q=${'x'.repeat(256)}`,
])('%s is refused, naming the parameter', (query) => {
  expect(() => read(query)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringContaining(query.split('=')[0] ?? '') }),
  )
})

test('a page beyond the last one is the last one', () => {
  expect(pageWithin(read('page=9'), 26)).toBe(2)
  expect(pageWithin(read('page=9'), 25)).toBe(1)
  expect(pageWithin(read('page=9'), 0)).toBe(1)
})

describe('rows', () => {
  const NOW = Date.UTC(2026, 0, 1)
  const row = (fields: Parameters<typeof aUser>[0]) => {
    const { rows } = usersPage(read(''), [aUser(fields)], 1, NOW) as { rows: object[] }
    return rows[0]
  }

  test.each([
    [{ status: 1 }, 'Active', 'good'],
    [{ status: 0, expiration_date: 1 }, 'Disabled', 'off'],
    [{ status: 1, expiration_date: NOW }, 'Expired', 'bad'],
    [{ status: 1, expiration_date: NOW + 1 }, 'Active', 'good'],
  ])('%j is %s', (fields, status, tone) => {
    expect(row(fields)).toMatchObject({ status, tone })
  })

  test('an account that expires within a week is marked', () => {
    expect(row({ expiration_date: NOW + 6 * 86_400_000 })).toMatchObject({
      expires: { text: '2026-01-07', tone: 'warn' },
    })
    expect(row({ expiration_date: NOW + 8 * 86_400_000 })).toMatchObject({ expires: { tone: '' } })
    expect(row({ expiration_date: 0 })).toMatchObject({ expires: { text: 'Never' } })
  })

  test('quotas are bars where there is a limit', () => {
    expect(row({ quota_size: 1000, used_quota_size: 250, used_quota_files: 3 })).toMatchObject({
      storage: { text: '250 B of 1.0 KB', limited: true, share: '0.250', percent: '25 %' },
      files: { text: '3', limited: false },
    })
    expect(row({ quota_files: 1, used_quota_files: 5 })).toMatchObject({ files: { share: '1.000', percent: '500 %' } })
  })
})

test('links keep what was asked for', () => {
  const query = read('q=a%26b&sort=status&order=desc&page=2')
  const view = usersPage(query, [aUser()], 60, 0)
  expect(view).toMatchObject({
    previous: '/web/users?q=a%26b&sort=status&order=desc',
    next: '/web/users?q=a%26b&sort=status&order=desc&page=3',
    range: '26–26',
  })
})
