import { describe, expect, test } from 'vitest'
import type { QuotaScan, ScanStart } from '../../quota-scans/quota-scans.ts'
import { fakeApi } from '../fakes.test.support.ts'

function api(start: ScanStart = 'started', running: QuotaScan[] = []) {
  const asked: string[] = []
  const scans = {
    list: () => running,
    start: async (username: string) => {
      asked.push(username)
      return start
    },
  }
  return { ...fakeApi({ parts: { scans } }), asked }
}

const PATH = '/api/v1/quota_scan'

describe('GET', () => {
  test('no scan is []', async () => {
    expect((await api().ask(PATH)).body).toBe('[]\n')
  })

  test('a scan has the keys of 0.9.4 first, then what was counted so far', async () => {
    const { ask } = api('started', [{ username: 'ann', startTimeMs: 1_700_000_000_000, files: 3, size: 42 }])
    expect((await ask(PATH)).body).toBe('[{"username":"ann","start_time":1700000000000,"files":3,"size":42}]\n')
  })
})

describe('POST', () => {
  test.each<[ScanStart, number, object]>([
    ['started', 201, { error: '', message: 'Scan started' }],
    ['running', 409, { error: '', message: 'Another scan is already in progress' }],
    ['unknown user', 404, { error: 'Not found: no user is named "ann"', message: '' }],
    ['not tracked', 403, { error: expect.stringContaining('track_quota'), message: '' }],
    ['stopping', 503, { error: 'the server stops', message: '' }],
  ])('a scan that is %s answers %i', async (start, status, texts) => {
    const { ask, asked } = api(start)
    const answer = await ask(PATH, { method: 'POST', body: '{"id":0,"username":"ann","uid":0}' })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toEqual({ ...texts, status })
    expect(asked).toEqual(['ann'])
  })

  test.each(['', '[]', '{}', '{"username":""}', '{"username":5}'])('the body %j is refused', async (body) => {
    const { ask, asked } = api()
    expect((await ask(PATH, { method: 'POST', body })).status).toBe(400)
    expect(asked).toEqual([])
  })
})
