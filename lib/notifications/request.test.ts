import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { notificationOf, payloadOf, subjectsOf, userNotification } from './notification.ts'
import { invocationFor, requestFor, signature } from './request.ts'
import { fileNotification, storedUser } from './samples.test.support.ts'

const options = { url: 'https://hooks.example:8443/in', secret: '', id: 'id1', nowMs: 1_700_000_000_999 }
const targetOf = (overrides: Parameters<typeof fileNotification>[0], url = options.url) =>
  requestFor(fileNotification(overrides), { ...options, url }).target

describe('a request about a file', () => {
  test('is a GET with the parameters of SFTPGo', () => {
    expect(requestFor(fileNotification(), options)).toEqual({
      origin: 'https://hooks.example:8443',
      method: 'GET',
      target: '/in?action=upload&username=alice&path=%2Fsrv%2Falice%2Ffile',
      headers: { 'user-agent': 'sftpgo', 'x-sftpgo-delivery': 'id1' },
      body: '',
    })
  })

  test('has target_path for a rename alone', () => {
    expect(targetOf({ action: 'rename', path: '/a', target: '/b' })).toBe(
      '/in?action=rename&username=alice&path=%2Fa&target_path=%2Fb',
    )
    expect(targetOf({ action: 'delete', path: '/a' })).not.toContain('target_path')
  })

  test.each([
    ['https://h', '/?action='],
    ['https://h/x?', '/x?action='],
    ['https://h/x?a=b%20c&d', '/x?a=b%20c&d&action='],
    ['https://h/x#fragment', '/x?action='],
  ])('to %s begins with %s', (url, start) => {
    expect(targetOf({}, url).slice(0, start.length)).toBe(start)
  })

  test('names are bytes, and nothing in them means anything', () => {
    const hostile = ['&action=x', '#', '+', ' ', '%41', '\r\nHost: x', "'", '"', '\u00ff\u00fe', '?', '=', '\0', '/../']
    for (const name of hostile) {
      const target = targetOf({ path: `/${name}`, username: name })
      const expected = Array.from(Buffer.from(`/${name}`, 'latin1'), (byte) => byte.toString(16).padStart(2, '0'))
      const sent = /&path=(.*)$/.exec(target)?.[1] ?? ''
      expect(sent).toMatch(/^([\w.~-]|%[0-9A-F]{2})*$/)
      const bytes = Buffer.from(
        sent.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      )
      expect(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))).toEqual(expected)
      expect(new URLSearchParams(target.slice(target.indexOf('?'))).get('username')).toBe(name)
    }
  })

  test('a user name and password in the URL become a header', () => {
    const { origin, target, headers } = requestFor(fileNotification(), { ...options, url: 'http://u%40x:p%3Aw@h/in' })
    expect([origin, headers['authorization']]).toEqual([
      'http://h',
      `Basic ${Buffer.from('u@x:p:w').toString('base64')}`,
    ])
    expect(target).not.toContain('p%3Aw')
    const odd = requestFor(fileNotification(), { ...options, url: 'http://a%zz:%@h/in' })
    expect(odd.headers['authorization']).toBe(`Basic ${Buffer.from('a%zz:%').toString('base64')}`)
  })
})

describe('a request about an account', () => {
  test('is a POST of the account as JSON, without its password', () => {
    const user = storedUser({ public_keys: ['ssh-ed25519 AAAA'] })
    const request = requestFor(userNotification('add', user), options)
    expect(request).toMatchObject({
      method: 'POST',
      target: '/in?action=add',
      headers: { 'content-type': 'application/json' },
    })
    const { password: _, ...expected } = user
    expect(JSON.parse(request.body)).toEqual(expected)
  })

  test('has public_keys when there are any', () => {
    const { body } = requestFor(userNotification('update', storedUser({ public_keys: [] })), options)
    expect(JSON.parse(body)).not.toHaveProperty('public_keys')
  })
})

describe('the signature', () => {
  test('is the documented one', () => {
    const { headers, target, body } = requestFor(userNotification('add', storedUser()), { ...options, secret: 's3' })
    const signed = `1700000000\nid1\nPOST\n${target}\n${body}`
    const expected = createHmac('sha256', 's3').update(signed).digest('hex')
    expect(headers['x-sftpgo-signature']).toBe(`t=1700000000,v1=${expected}`)
  })

  test('is another one when anything is', () => {
    const parts = { timestamp: 1, id: 'i', method: 'GET', target: '/', body: '' }
    const changed = [{ timestamp: 2 }, { id: 'j' }, { method: 'POST' }, { target: '/x' }, { body: 'x' }]
    const all = [parts, ...changed.map((change) => ({ ...parts, ...change }))].map((each) => signature('s', each))
    expect(new Set([...all, signature('t', parts)]).size).toBe(7)
  })
})

describe('a command', () => {
  test.each([
    [fileNotification({ action: 'delete' }), ['delete', 'alice', '/srv/alice/file', '']],
    [fileNotification({ action: 'rename', target: '/t' }), ['rename', 'alice', '/srv/alice/file', '/t']],
    [
      userNotification('update', storedUser({ uid: 5, gid: 6 })),
      ['update', 'alice', '7', '1', '0', '/srv/alice', '5', '6'],
    ],
  ])('gets the arguments of SFTPGo', (notification, args) => {
    expect(invocationFor(notification, 'id1').args).toEqual(args)
  })

  test('gets the bytes of a path that is no UTF-8 in a variable of its own', () => {
    const { args, env } = invocationFor(fileNotification({ path: '/\u00c3\u00bc', target: '/\u00ff' }), 'id1')
    expect(args).toEqual(['upload', 'alice', '/ü', '/\ufffd'])
    expect(env).not.toHaveProperty('SFTPGO_ACTION_PATH_BASE64')
    expect(Buffer.from(env['SFTPGO_ACTION_TARGET_BASE64'] ?? '', 'base64').toString('latin1')).toBe('/\u00ff')
  })

  test('learns no password', () => {
    const user = storedUser({ password: '$argon2id$secret' })
    expect(JSON.stringify(invocationFor(userNotification('add', user), 'id1'))).not.toContain('secret')
  })
})

describe('what is stored', () => {
  test.each([fileNotification({ path: '/\u00ff\n"' }), userNotification('delete', storedUser())])(
    'reads back as it was',
    (notification) => {
      expect(notificationOf(payloadOf(notification))).toEqual(notification)
    },
  )

  test('never holds a password', () => {
    expect(payloadOf(userNotification('add', storedUser({ password: 'hash' })))).not.toMatch(/password|hash/)
  })

  test.each(['', '{', 'null', '{"of":"file"}', '{"of":"other"}'])('%j is nothing', (payload) => {
    expect(notificationOf(payload)).toBeUndefined()
  })

  test('keeps the order of its paths', () => {
    expect(subjectsOf(fileNotification({ path: '/a' }))).toEqual(['/a'])
    expect(subjectsOf(fileNotification({ action: 'rename', path: '/a', target: '/b' }))).toEqual(['/a', '/b'])
    expect(subjectsOf(userNotification('add', storedUser()))).toEqual(['alice'])
  })
})
