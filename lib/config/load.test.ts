import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { searchPath } from './file.ts'
import { ConfigError, loadConfig, resolveIn } from './load.ts'
import { defaultConfig } from './schema.ts'

let dir: string
let home: string
let cwd: string
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'sftpgo-config-'))
  dir = join(root, 'dir')
  home = join(root, 'home')
  cwd = join(root, 'cwd')
  for (const made of [dir, join(home, '.config/sftpgo'), cwd]) mkdirSync(made, { recursive: true })
})
afterEach(() => rmSync(join(dir, '..'), { recursive: true }))

// Not "sftpgo", which a machine may hold in /etc.
const NAME = 'sftpgo-of-this-test'
const load = (env: NodeJS.ProcessEnv = {}, configFile = NAME) =>
  loadConfig({ configDir: dir, configFile, env, cwd, home })
const write = (content: unknown, directory = dir) =>
  writeFileSync(join(directory, `${NAME}.json`), typeof content === 'string' ? content : JSON.stringify(content))
/** The message a load is refused with, FILE standing for the configuration file. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.catch((error: unknown) => error)
  if (!(outcome instanceof ConfigError)) throw new Error('not refused', { cause: outcome })
  return outcome.message.replaceAll(join(dir, `${NAME}.json`), 'FILE')
}

describe('the file', () => {
  test('without one the built-in settings hold', async () => {
    expect(await load()).toMatchObject({ config: defaultConfig(), file: undefined, warnings: [] })
  })

  test('the directories are searched in order, each once', () => {
    expect(searchPath({ configDir: 'conf', cwd: '/work', home: '/home/u' })).toEqual([
      '/work/conf',
      '/home/u/.config/sftpgo',
      '/etc/sftpgo',
      '/work',
    ])
    expect(searchPath({ configDir: '.', cwd: '/work', home: undefined })).toEqual(['/work', '/etc/sftpgo'])
  })

  test('the first directory that has it wins', async () => {
    for (const [directory, port] of [
      [cwd, 1],
      [join(home, '.config/sftpgo'), 2],
      [dir, 3],
    ] as const) {
      write({ sftpd: { bind_port: port } }, directory)
      const { config, file } = await load()
      expect(config.sftpd.bind_port).toBe(port)
      expect(file).toBe(join(directory, `${NAME}.json`))
    }
  })

  test('it overlays the built-in settings key by key, lists are replaced', async () => {
    write({ sftpd: { enabled_ssh_commands: ['scp'] }, data_provider: { actions: { execute_on: ['add'] } } })
    const { config } = await load()
    const builtIn = defaultConfig()
    expect(config).toEqual({
      ...builtIn,
      sftpd: { ...builtIn.sftpd, enabled_ssh_commands: ['scp'] },
      data_provider: {
        ...builtIn.data_provider,
        actions: { ...builtIn.data_provider.actions, execute_on: ['add'] },
      },
    })
    expect(Object.isFrozen(config.sftpd.enabled_ssh_commands)).toBe(true)
  })

  test('keys may be written in any case', async () => {
    write({ SFTPD: { Bind_Port: 22, Keys: [{ Private_Key: 'k' }] } })
    const { config } = await load()
    expect([config.sftpd.bind_port, config.sftpd.keys]).toEqual([22, [{ private_key: 'k' }]])
  })

  test('a byte order mark is no mistake', async () => {
    write('\ufeff{}')
    expect((await load()).config).toEqual(defaultConfig())
  })

  test('a syntax error is told with its line and column and without the text', async () => {
    write('{\n  "data_provider": {"password": secret}\n}')
    expect(await refusal(load())).toBe('FILE: line 2, column 33: expected a value')
  })

  test('a file that cannot be read is not passed over', async () => {
    mkdirSync(join(dir, `${NAME}.json`))
    expect(await refusal(load())).toBe('FILE cannot be read: EISDIR')
  })

  test.each(['', 'a/b', '/etc/sftpgo/sftpgo', 'a\\b'])('the name "%s" is refused', async (name) => {
    expect(await refusal(load({}, name))).toContain('not by a path')
  })

  test('a name with an extension is refused with the right one', async () => {
    expect(await refusal(load({}, 'sftpgo.json'))).toContain('"sftpgo", not "sftpgo.json"')
  })
})

const REFUSED: { name: string; content: unknown; message: string }[] = [
  {
    name: 'an unknown key, with the key that was meant',
    content: { sftpd: { bind_prot: 1 } },
    message: 'FILE: line 1: sftpd.bind_prot is not a setting, did you mean sftpd.bind_port?',
  },
  { name: 'an unknown key like no other', content: { hello: 1 }, message: 'FILE: line 1: hello is not a setting' },
  {
    name: 'an unknown key in a list',
    content: { sftpd: { keys: [{ private_key: 'k', x: 1 }] } },
    message: 'FILE: line 1: sftpd.keys[0].x is not a setting',
  },
  {
    name: 'a key that a prototype has',
    content: '{"sftpd": {"__proto__": {"a": 1}, "constructor": 1}}',
    message: 'FILE: line 1: sftpd.__proto__ is not a setting; FILE: line 1: sftpd.constructor is not a setting',
  },
  {
    name: 'a key written twice in different case',
    content: { httpd: { bind_port: 1, BIND_PORT: 2 } },
    message: 'FILE: line 1: httpd.bind_port is given twice',
  },
  {
    name: 'a port out of range',
    content: { sftpd: { bind_port: 65_536 } },
    message: 'FILE: line 1: sftpd.bind_port is 65536, allowed is a whole number from 0 to 65535',
  },
  {
    name: 'a broken number, once',
    content: { httpd: { bind_port: 1e9 + 0.5 } },
    message: 'FILE: line 1: httpd.bind_port is 1000000000.5, allowed is a whole number from 0 to 65535',
  },
  {
    name: 'a number written as text',
    content: { httpd: { bind_port: '80' } },
    message: 'FILE: line 1: httpd.bind_port is "80", allowed is a whole number from 0 to 65535',
  },
  {
    name: 'a choice that does not exist',
    content: { sftpd: { upload_mode: 3 } },
    message: 'FILE: line 1: sftpd.upload_mode is 3, allowed is 0, 1 or 2',
  },
  {
    name: 'an umask that is not octal',
    content: { sftpd: { umask: '0088' } },
    message: 'FILE: line 1: sftpd.umask is "0088", allowed is an octal text from "0000" to "0777"',
  },
  {
    name: 'an umask over 0777',
    content: { sftpd: { umask: '1000' } },
    message: 'FILE: line 1: sftpd.umask is "1000", allowed is an octal text from "0000" to "0777"',
  },
  {
    name: 'an unknown event',
    content: { data_provider: { actions: { execute_on: ['add', 'upload'] } } },
    message: 'FILE: line 1: data_provider.actions.execute_on[1] is "upload", allowed is one of add, update, delete',
  },
  {
    name: 'a relative command',
    content: { sftpd: { actions: { command: 'notify.sh' } } },
    message: 'FILE: line 1: sftpd.actions.command is "notify.sh", allowed is an absolute path, or empty',
  },
  {
    name: 'a notification that is no web address, without its password',
    content: { sftpd: { actions: { http_notification_url: 'ftp://u:p@h/' } } },
    message:
      'FILE: line 1: sftpd.actions.http_notification_url is "ftp://***@h/", allowed is an http or https URL, or empty',
  },
  {
    name: 'a banner that would break the identification line',
    content: { sftpd: { banner: 'a\r\nb' } },
    message: 'FILE: line 1: sftpd.banner is "a\\r\\nb", allowed is up to 245 printable ASCII characters',
  },
  {
    name: 'an unknown driver',
    content: { data_provider: { driver: 'oracle' } },
    message:
      'FILE: line 1: data_provider.driver is "oracle", allowed is one of sqlite, mysql, postgresql, bolt, memory',
  },
  {
    name: 'a table name that is more than a name',
    content: { data_provider: { users_table: 'users; drop' } },
    message:
      'FILE: line 1: data_provider.users_table is "users; drop", allowed is a table name of letters, digits and "_", ' +
      'perhaps after a schema and "."',
  },
  {
    name: 'a password of the wrong type, unseen',
    content: { data_provider: { password: 12_345, connection_string: ['secret'] } },
    message:
      'FILE: line 1: data_provider.password is ***, allowed is a text; ' +
      'FILE: line 1: data_provider.connection_string is ***, allowed is a text',
  },
  {
    name: 'a section that is no object',
    content: { sftpd: [1] },
    message: 'FILE: line 1: sftpd is a list, allowed is an object',
  },
  { name: 'a content that is no object', content: '7', message: 'FILE: the content is 7, allowed is an object' },
  {
    name: 'a missing value',
    content: { httpd: { bind_address: null } },
    message: 'FILE: line 1: httpd.bind_address is null, allowed is a text',
  },
  {
    name: 'a key without its path',
    content: { sftpd: { keys: [{}] } },
    message: 'FILE: line 1: sftpd.keys[0].private_key is undefined, allowed is the path of a key file',
  },
]
test.each(REFUSED)('refused: $name', async ({ content, message }) => {
  write(content)
  expect(await refusal(load())).toBe(message)
})

test('a hostile key cannot forge a line', async () => {
  write({ 'a\nError: b\u202e': 1 })
  expect(await refusal(load())).toBe('FILE: line 1: a\\u000aError: b\\u202e is not a setting')
})

describe('the environment', () => {
  test('overrides every kind of setting without any file', async () => {
    const { config } = await load({
      SFTPGO_SFTPD__BIND_PORT: '22',
      SFTPGO_SFTPD__MAX_AUTH_TRIES: '-1',
      SFTPGO_SFTPD__UPLOAD_MODE: '2',
      SFTPGO_SFTPD__ENABLE_SCP: 'T',
      SFTPGO_SFTPD__ENABLED_SSH_COMMANDS: 'scp, cd',
      SFTPGO_SFTPD__ACTIONS__EXECUTE_ON: 'upload,download',
      SFTPGO_SFTPD__KEYS: 'id_rsa,/k/id_ed25519',
      SFTPGO_DATA_PROVIDER__PASSWORD: '007',
      SFTPGO_HTTPD__BIND_ADDRESS: '',
    })
    expect(config.sftpd).toMatchObject({
      bind_port: 22,
      max_auth_tries: -1,
      upload_mode: 2,
      enable_scp: true,
      enabled_ssh_commands: ['scp', 'cd'],
      actions: { execute_on: ['upload', 'download'] },
      keys: [{ private_key: 'id_rsa' }, { private_key: '/k/id_ed25519' }],
    })
    expect(config.data_provider.password).toBe('007')
    expect(config.httpd.bind_address).toBe('')
  })

  test('comes before the file', async () => {
    write({ sftpd: { bind_port: 1, enable_scp: true, macs: ['a', 'b'] } })
    const env = { SFTPGO_SFTPD__BIND_PORT: '2', SFTPGO_SFTPD__ENABLE_SCP: '', SFTPGO_SFTPD__MACS: '' }
    expect((await load(env)).config.sftpd).toMatchObject({ bind_port: 2, enable_scp: false, macs: [] })
  })

  test.each([
    ['SFTPGO_SFTPD__BIND_PORT', '70000', 'sftpd.bind_port is 70000, allowed is a whole number from 0 to 65535'],
    ['SFTPGO_SFTPD__BIND_PORT', 'ssh', 'sftpd.bind_port is "ssh", allowed is a whole number from 0 to 65535'],
    ['SFTPGO_SFTPD__ENABLE_SCP', 'yes', 'sftpd.enable_scp is "yes", allowed is true or false'],
    ['SFTPGO_SFTPD__KEYS', 'a,', 'sftpd.keys[1].private_key is "", allowed is the path of a key file'],
    ['SFTPGO_SFTPD__MACS', 'a,,b', 'sftpd.macs[1] is "", allowed is a name'],
  ])('a bad %s=%s is told by the name of the variable', async (variable, value, message) => {
    expect(await refusal(load({ [variable]: value }))).toBe(`environment variable ${variable}: ${message}`)
  })

  test('mends nothing where the file gives no section', async () => {
    write({ sftpd: 1 })
    expect(await refusal(load({ SFTPGO_SFTPD__ACTIONS__COMMAND: '/x' }))).toBe(
      'FILE: line 1: sftpd is 1, allowed is an object',
    )
  })

  test('a variable that matches nothing is a warning, those of the flags are known', async () => {
    const { warnings } = await load({
      SFTPGO_SFTPD_BIND_PORT: 'x',
      SFTPGO_BUILD_HOST_NAME: 'x',
      SFTPGO_LOG_FILE_PATH: 'x',
      OTHER: 'x',
    })
    expect(warnings).toEqual([
      'environment variable SFTPGO_SFTPD_BIND_PORT matches no setting, did you mean SFTPGO_SFTPD__BIND_PORT?',
      'environment variable SFTPGO_BUILD_HOST_NAME matches no setting',
    ])
  })
})

test('relative paths start at the configuration directory, empty ones stay empty', () => {
  expect(resolveIn('/etc/sftpgo', 'id_rsa')).toBe('/etc/sftpgo/id_rsa')
  expect(resolveIn('/etc/sftpgo', '/keys/id_rsa')).toBe('/keys/id_rsa')
  expect(resolveIn('/etc/sftpgo', '')).toBe('')
})
