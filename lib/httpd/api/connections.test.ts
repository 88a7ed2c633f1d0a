import { expect, test, vi } from 'vitest'
import { fakeApi } from '../fakes.test.support.ts'

function connected() {
  const api = fakeApi()
  const close = vi.fn<() => void>()
  const connection = api.connections.add({
    connectionId: 'c0ffee',
    username: 'alice',
    clientVersion: 'SSH-2.0-OpenSSH_9.2',
    remoteAddress: '192.0.2.1:5000',
    protocol: 'SFTP',
    close,
  })
  return { ...api, close, connection, started: api.clock.now() }
}

test('nobody connected is []', async () => {
  expect((await fakeApi().ask('/api/v1/connection')).body).toBe('[]\n')
})

test('a connection has its keys in the order of 0.9.4', async () => {
  const { ask, clock, connection, started } = connected()
  clock.advance(10)
  const upload = connection.startTransfer('upload', '/a')
  clock.advance(10)
  upload.moved(42)
  const transfer = `{"operation_type":"upload","start_time":${started + 10},"size":42,"last_activity":${started + 20},"path":"/a"}`
  expect((await ask('/api/v1/connection')).body).toBe(
    `[{"username":"alice","connection_id":"c0ffee","client_version":"SSH-2.0-OpenSSH_9.2",` +
      `"remote_address":"192.0.2.1:5000","connection_time":${started},"last_activity":${started + 20},` +
      `"protocol":"SFTP","active_transfers":[${transfer}],"ssh_command":""}]\n`,
  )
})

test.each([
  { name: 'UTF-8', bytes: Buffer.from('/grüße'), path: '/grüße' },
  { name: 'not UTF-8', bytes: Buffer.from([0x2f, 0xff, 0x61]), path: '/\ufffda' },
])('a path that is $name is shown as text', async ({ bytes, path }) => {
  const { ask, connection } = connected()
  connection.startTransfer('download', bytes.toString('latin1'))
  expect(JSON.parse((await ask('/api/v1/connection')).body)[0].active_transfers[0].path).toBe(path)
})

test('DELETE closes the connection', async () => {
  const { ask, close } = connected()
  const { status, body } = await ask('/api/v1/connection/c0ffee', { method: 'DELETE' })
  expect({ status, body }).toEqual({ status: 200, body: '{"error":"","message":"Connection closed","status":200}\n' })
  expect(close).toHaveBeenCalledOnce()
})

test('DELETE answers 200 when closing fails, and the log has the error', async () => {
  const { ask, close, log } = connected()
  close.mockImplementation(() => {
    throw new Error('broken pipe')
  })
  expect((await ask('/api/v1/connection/c0ffee', { method: 'DELETE' })).status).toBe(200)
  expect(log.messages).toEqual(['httpd warn closing the connection failed'])
})

test.each(['unknown', 'x'.repeat(5000), '%2e%2e'])('DELETE of an unknown id is 404: %s', async (id) => {
  const { ask, close } = connected()
  const { status, body } = await ask(`/api/v1/connection/${id}`, { method: 'DELETE' })
  expect({ status, body }).toEqual({ status: 404, body: '{"error":"","message":"Not Found","status":404}\n' })
  expect(close).not.toHaveBeenCalled()
})
