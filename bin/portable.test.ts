import { createSocket } from 'node:dgram'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ed25519Pair } from '../lib/sshd/sample-keys.test.support.ts'
import { versionText } from '../lib/version/version.ts'
import { TEST_TIMEOUT_MS, directory, eventually, sftp, sftpgo, start } from './built.test.support.ts'

const READY = /INF Portable mode ready, SFTP port: (\d+), user: "([^"]*)", password: "([^"]*)"/

function share() {
  const root = directory()
  const pair = ed25519Pair()
  const identity = path.join(root, 'identity')
  writeFileSync(identity, pair.private, { mode: 0o600 })
  return { root, served: directory(), identity, key: pair.public }
}

describe('the built program in portable mode', () => {
  test('serves the working directory without a word of anybody, and leaves nothing in it', async () => {
    const { root, served, identity, key } = share()
    writeFileSync(path.join(served, 'file'), 'content')
    const running = sftpgo(['portable', '-S=false', '-k', key], { cwd: served })
    const [, port = '', user = '', password] = await running.says(READY)
    expect([user, password]).toEqual(['user', ''])
    const got = sftp({ port: Number(port), username: user, identity, cwd: root, batch: 'get file copy' })
    expect([await got.exit, got.stderr()]).toEqual([0, ''])
    expect(readFileSync(path.join(root, 'copy'), 'utf8')).toBe('content')
    running.signal('SIGINT')
    expect(await running.exit).toBe(0)
    expect(readdirSync(served)).toEqual(['file'])
    // No terminal: a line, and no cursor that moves.
    expect(running.stdout()).toMatch(/^.+\n$/)
    expect(running.stdout()).not.toContain('\u001b')
    expect(running.stderr()).toBe('')
  })

  test('on a terminal shows an upload while it moves, and nothing of it afterwards', async () => {
    const { root, served, identity, key } = share()
    writeFileSync(path.join(root, 'local'), Buffer.alloc(20_000_000))
    const command = ['portable', '-S=false', '-d', served, '-g', '"*"', '-k', `'${key}'`].join(' ')
    const program = `${process.execPath} ${path.resolve('dist/bin/sftpgo.cjs')} ${command}`
    const running = start('script', ['-qec', `stty cols 60 rows 20; exec ${program}`, '/dev/null'], { open: true })
    const [, port = ''] = await running.says(READY)
    // 100 kB/s: it never ends.
    const limit = ['-l', '800']
    sftp({ port: Number(port), username: 'user', identity, cwd: root, batch: 'put local up', args: limit })
    const [line = ''] = await running.says(/^.*up +[1-9][\d.]* [kM]B .*$/m)
    expect(line.split('\u001b[J').at(-1)?.trimEnd().length).toBeLessThan(60)
    expect(line).toContain('/up')
    const shell = Number(/\d+/.exec(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8'))?.[0])
    process.kill(shell, 'SIGTERM')
    expect(await running.exit).toBe(0)
    expect(running.stdout().endsWith('\u001b[J')).toBe(true)
  })

  test.each([
    [['-d', '/nowhere'], 'directory /nowhere: cannot be served (ENOENT)'],
    [['-g', 'everything'], 'permission "everything" is not known'],
    [['-c', 'rsync'], 'SSH command "rsync": allowed are'],
    [['-k', 'nonsense'], 'public_keys'],
  ])('%j is one line of error and exit code 1', async (args, message) => {
    const running = sftpgo(['portable', '-S=false', ...args], { cwd: directory() })
    expect(await running.exit).toBe(1)
    expect(running.stderr()).toMatch(/^Error: [^\n]+\n$/)
    expect(running.stderr()).toContain(message)
    expect(running.stdout()).toBe('')
  })
})

/** Why no service can be found on this machine's network; undefined where it can. */
async function withoutMulticast(): Promise<string | undefined> {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')
  if (own === undefined) return 'there is no interface but loopback'
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  onTestFinished(() => void socket.close())
  return new Promise((resolve) => {
    socket.once('error', (error) => resolve(error.message))
    socket.bind(0, () => {
      // A group for documentation (RFC 6676).
      const group = '233.252.0.251'
      try {
        socket.addMembership(group, own.address)
        socket.setMulticastInterface(own.address)
      } catch (error) {
        resolve(String(error))
        return
      }
      socket.once('message', () => resolve(undefined))
      setTimeout(() => resolve('a multicast packet did not come back'), 2000).unref()
      socket.send('hello', socket.address().port, group, (error) => error && resolve(error.message))
    })
  })
}

const BROWSE = `
import json, sys
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf
def change(zeroconf, service_type, name, state_change):
    told = {"name": name}
    if state_change is not ServiceStateChange.Removed:
        info = zeroconf.get_service_info(service_type, name, 5000)
        told.update(port=info.port, txt={k.decode(): v.decode() for k, v in info.properties.items()})
    print(json.dumps(told), flush=True)
ServiceBrowser(Zeroconf(), "_sftp-ssh._tcp.local.", handlers=[change])
sys.stdin.read()
`

vi.setConfig({ testTimeout: TEST_TIMEOUT_MS })

test('an independent resolver finds the service with all that it tells, and sees it go', async (context) => {
  const reason = await withoutMulticast()
  if (reason !== undefined) {
    process.stdout.write(`not run: multicast does not work here: ${reason}\n`)
    context.skip()
  }
  const browser = start('/usr/bin/python3', ['-W', 'ignore', '-c', BROWSE], { open: true })
  const running = sftpgo(['portable', '-C', '-u', 'eve', '-d', directory()])
  const [, port = '', , password] = await running.says(READY)
  const name = `SFTPGo portable ${port}`
  expect(running.stdout()).toMatch(/INF credentials are advertised.*\n.*INF SFTP service advertised .*\n.*INF Portable/)
  const told = () =>
    browser
      .stdout()
      .split('\n')
      .filter((line) => line.includes(name))
      .map((line) => JSON.parse(line) as unknown)
  await eventually(() => {
    expect(browser.stderr()).toBe('')
    expect(told()[0]).toEqual({
      name: `${name}._sftp-ssh._tcp.local.`,
      port: Number(port),
      txt: { version: versionText(), user: 'eve', password },
    })
  })
  running.signal('SIGTERM')
  expect(await running.exit).toBe(0)
  expect(running.stdout()).toMatch(/INF unregistering multicast DNS service\n$/)
  await eventually(() => expect(told().at(-1)).toEqual({ name: `${name}._sftp-ssh._tcp.local.` }))
})
