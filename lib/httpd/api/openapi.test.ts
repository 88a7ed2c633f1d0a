import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { format, resolveConfig } from 'prettier'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { fakeApi } from '../fakes.test.support.ts'
import { expectDocumented } from './documented.test.support.ts'
import { openApi } from './openapi.ts'
import { OPERATIONS, type Operation } from './operations.ts'

const FILE = fileURLToPath(new URL('../../../static/openapi.yaml', import.meta.url))
const HEAD = '# Made by the tests from lib/httpd/api/operations.ts, which the server takes its routes from.\n'

test('static/openapi.yaml says what the routes are made of (UPDATE_DOCS=1 writes it anew)', async () => {
  const text = HEAD + stringify(openApi())
  const formatted = await format(text, { ...(await resolveConfig(FILE)), filepath: FILE })
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(FILE, formatted)
  expect(await readFile(FILE, 'utf8')).toBe(formatted)
})

test('a linter of OpenAPI has nothing to say about it', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] })
  const source = await readFile(FILE, 'utf8')
  const problems = await lintFromString({ source, absoluteRef: FILE, config })
  expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual([])
  // It does look: a document with a fault is not clean.
  const broken = source.replace('operationId: addUser', 'operationId: listUsers')
  expect(await lintFromString({ source: broken, absoluteRef: FILE, config })).not.toEqual([])
})

test('every operation has its route, and every route of the API its operation', async () => {
  const { routes } = fakeApi()
  const named = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
  const operations = Object.values<Operation>(OPERATIONS).map(named).toSorted()
  expect(
    routes
      .filter(({ path }) => path.startsWith('/api/'))
      .map(named)
      .toSorted(),
  ).toEqual(operations)
})

describe('what the document says of a body', () => {
  const document = openApi()
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema({ $id: 'openapi', components: document.components })
  const takes = (name: string, value: unknown): boolean => {
    const valid = ajv.getSchema(`openapi#/components/schemas/${name}`)
    if (valid === undefined) throw new Error(`there is no ${name}`)
    return valid(value) === true
  }

  test.each([
    {},
    { username: 'anna', password: 'p', permissions: ['*'], id: 0, unknown: 1, last_login: 5 },
    { permissions: { '/': ['list'], '/in': ['upload'] }, status: 0, uid: 65_535 },
  ])('is what the server takes: %j', (body) => {
    expect(takes('UserInput', body)).toBe(true)
  })

  test.each([
    { status: 2 },
    { uid: -1 },
    { gid: 65_536 },
    { quota_size: 1.5 },
    { quota_files: '1' },
    { permissions: '*' },
    { permissions: ['fly'] },
    { public_keys: 'ssh-ed25519 AAAA' },
  ])('and not what it refuses: %j', (body) => {
    expect(takes('UserInput', body)).toBe(false)
  })
})

test('defaults and bounds of the parameters are those of the server', async () => {
  const { ask, accounts } = fakeApi()
  await ask('/api/v1/user')
  expect(accounts.calls[0]).toEqual({ limit: 100, offset: 0, order: 'ASC' })
  const { parameters = [] } = openApi().paths['/api/v1/user']?.['get'] ?? {}
  expect(parameters.map(({ name, schema }) => [name, schema.default, schema.minimum])).toEqual([
    ['limit', 100, 1],
    ['offset', 0, 0],
    ['order', 'ASC', undefined],
    ['username', undefined, undefined],
  ])
  for (const { name, schema } of parameters.filter((one) => one.schema.minimum !== undefined)) {
    const { minimum = 0 } = schema
    expect((await ask(`/api/v1/user?${name}=${minimum}`)).status).toBe(200)
    expect((await ask(`/api/v1/user?${name}=${minimum - 1}`)).status).toBe(400)
  }
})

describe('an answer is held against the document', () => {
  const result = { error: '', message: 'Alive', status: 200 }
  const alive = {
    method: 'GET',
    target: '/api/v1/providerstatus?x=1',
    status: 200,
    type: 'application/json; charset=utf-8',
  }

  test('and passes', () => {
    expect(expectDocumented({ ...alive, body: JSON.stringify(result) })).toBe(true)
    expect(expectDocumented({ ...alive, target: '/api/v1/unknown', status: 404, body: 'x' })).toBe(false)
  })

  test.each([
    ['a status', { status: 418 }, 'is not among 200,400,401,403,429,500,503'],
    ['a type', { type: 'text/plain' }, 'as text/plain'],
    ['a missing key', { body: '{"error":"","message":""}' }, "must have required property 'status'"],
    ['a further key', { body: JSON.stringify({ ...result, more: 1 }) }, 'must NOT have additional properties'],
    ['a wrong kind', { body: JSON.stringify({ ...result, message: null }) }, 'message must be string'],
  ])('and fails for %s', (_, change, complaint) => {
    expect(() => expectDocumented({ ...alive, body: JSON.stringify(result), ...change })).toThrow(complaint)
  })
})

test('the file is what any reader of YAML reads', async () => {
  expect(parse(await readFile(FILE, 'utf8'))).toEqual(openApi())
})
