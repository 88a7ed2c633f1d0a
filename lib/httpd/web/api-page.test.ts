import { describe, expect, test } from 'vitest'
import { openApi } from '../api/openapi.ts'
import { OPERATIONS } from '../api/operations.ts'
import { apiPage } from './api-page.ts'

const page = apiPage(openApi())
const operations = page.chapters.flatMap((chapter) => chapter.operations)
const object = (name: string) => page.objects.find((one) => one.name === name)

test('every operation has its place in one chapter, and no chapter is empty', () => {
  expect(operations.map(({ id }) => id).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted())
  for (const chapter of page.chapters) expect(chapter.operations).not.toEqual([])
})

test('every object that is named is explained', () => {
  const names = new Set(page.objects.map(({ name }) => name))
  const named = [
    ...operations.flatMap(({ body, answers }) => [body?.object, ...answers.map((answer) => answer.object)]),
    ...page.objects.flatMap(({ list, fields }) => [list?.object, ...fields.map((field) => field.object)]),
  ].filter((name) => name !== undefined)
  expect(named.length).toBeGreaterThan(20)
  for (const name of named) expect(names).toContain(name)
})

test('nothing is left without words', () => {
  for (const { answers, parameters, summary } of operations) {
    expect(summary).not.toBe('')
    for (const { about } of [...answers, ...parameters]) expect(about).not.toBe('')
  }
  for (const { fields } of page.objects) for (const { text } of fields) expect(text).not.toMatch(/undefined|anything/)
})

describe('a parameter', () => {
  const parameters = operations.find(({ id }) => id === 'listUsers')?.parameters ?? []

  test.each([
    ['limit', 'integer, at least 1', 'At most so many; above 500 it is 500. 100 when it is left out.'],
    ['order', 'ASC, DESC', 'From A to Z, or from Z to A. ASC when it is left out.'],
    ['username', 'string', 'This user alone; empty for all.'],
  ])('%s has its type and its default', (name, text, about) => {
    expect(parameters.find((one) => one.name === name)).toEqual({ name, text, about, note: 'query' })
  })
})

describe('a field', () => {
  const fieldOf = (name: string, key: string) => object(name)?.fields.find((field) => field.name === key)

  test.each([
    ['UserInput', 'status', 'integer, 0 to 1', ''],
    ['UserInput', 'uid', 'integer, 0 to 65,535', ''],
    ['User', 'id', 'integer', ''],
    ['User', 'public_keys', 'list of string', 'may be left out'],
    ['Result', 'status', 'integer, 200 to 599', ''],
  ])('%s.%s is: %s', (name, key, text, note) => {
    expect(fieldOf(name, key)).toMatchObject({ text, note })
  })

  test('of two types has both', () => {
    expect(fieldOf('User', 'permissions')?.text).toBe('list of word, or object of list of word')
  })

  test('that is a list of objects leads to them', () => {
    expect(fieldOf('Connection', 'active_transfers')).toMatchObject({ text: 'list of Transfer', object: 'Transfer' })
    expect(object('Users')?.list).toEqual({ text: 'User', object: 'User' })
  })
})

test.each([
  ['getUser', 'curl -s http://127.0.0.1:8080/api/v1/user/1'],
  ['liftBan', 'curl -s -X DELETE http://127.0.0.1:8080/api/v1/defender/bans/192.0.2.7'],
  [
    'updateUser',
    "curl -s -X PUT -H 'Content-Type: application/json' -d @body.json http://127.0.0.1:8080/api/v1/user/1",
  ],
])('%s has a command to try', (id, example) => {
  expect(operations.find((one) => one.id === id)?.example).toBe(example)
})
