import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MAX_CONFIG_BYTES } from './file.ts'
import { FORMATS } from './formats.ts'
import { ConfigError, loadConfig } from './load.ts'
import type { LoadedConfig } from './load.ts'
import { defaultConfig } from './schema.ts'
import { SyntaxProblem } from './syntax-error.ts'

// Nothing here takes long by itself, but a machine with more to do than this takes its time.
vi.setConfig({ testTimeout: 30_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sftpgo-formats-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

// Not "sftpgo", which a machine may hold in /etc.
const NAME = 'sftpgo-of-this-test'
const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url)
const load = (env: NodeJS.ProcessEnv = {}): Promise<LoadedConfig> =>
  loadConfig({ configDir: dir, configFile: NAME, env, cwd: dir, home: undefined })
const write = (extension: string, text: string | Uint8Array) => writeFileSync(join(dir, `${NAME}.${extension}`), text)
/** The message a load is refused with, FILE standing for the configuration file. */
async function refusal(extension: string): Promise<string> {
  const outcome = await load().catch((error: unknown) => error)
  if (!(outcome instanceof ConfigError)) throw new Error('not refused', { cause: outcome })
  return outcome.message.replaceAll(join(dir, `${NAME}.${extension}`), 'FILE')
}

const EXAMPLES: Readonly<Record<string, string>> = {
  json: 'example.json',
  toml: 'example.toml',
  yaml: 'example.yaml',
  yml: 'example.yaml',
  properties: 'example.properties',
  props: 'example.properties',
  prop: 'example.properties',
  hcl: 'example.hcl',
  dotenv: 'example.env',
  env: 'example.env',
}

test('the extensions are looked for in the order of 0.9.4', () => {
  expect(FORMATS.flatMap(({ extensions }) => extensions)).toEqual(Object.keys(EXAMPLES))
})

test.each(Object.entries(EXAMPLES))(
  'the documented configuration file as .%s is the built-in one',
  async (ext, name) => {
    copyFileSync(fixture(name), join(dir, `${NAME}.${ext}`))
    const { config, file, originOf } = await load()
    expect(file).toBe(join(dir, `${NAME}.${ext}`))
    expect(config).toEqual(defaultConfig())
    expect(await originOf(['sftpd', 'umask'])).toEqual({ kind: 'file', file, line: lineOf(name, /umask/) })
    expect(await originOf(['data_provider', 'actions', 'command'])).toMatchObject({ line: expect.any(Number) })
    expect(await originOf(['sftpd', 'fsync'])).toEqual({ kind: 'default' })
  },
)

function lineOf(name: string, pattern: RegExp): number {
  return (
    readFileSync(fixture(name), 'utf8')
      .split('\n')
      .findIndex((line) => pattern.test(line)) + 1
  )
}

/** One configuration that leaves nothing at its default, in each format. */
const ALL_KINDS: Readonly<Record<string, string>> = {
  json: `{"SFTPD": {"bind_port": 22, "umask": "0077", "enable_scp": true, "max_auth_tries": -1,
    "keys": [{"private_key": "id_rsa"}, {"Private_Key": "/etc/ssh/é"}], "actions": {"execute_on": ["upload", "delete"]}},
    "data_provider": {"password": "a=b # c"}, "httpd": {"bind_port": 0}}`,
  toml: `[SFTPD]
bind_port = 22 # ssh
umask = '0077'
enable_scp = true
max_auth_tries = -1
actions.execute_on = ["upload", "delete"]
[[SFTPD.keys]]
private_key = "id_rsa"
[[SFTPD.keys]]
Private_Key = "/etc/ssh/\\u00e9"
[data_provider]
password = "a=b # c"
[httpd]
bind_port = 0
`,
  yaml: `# all of it
SFTPD:
  bind_port: 22
  umask: "0077"
  enable_scp: true
  max_auth_tries: -1
  keys: [{ private_key: id_rsa }, { Private_Key: /etc/ssh/é }]
  actions: { execute_on: [upload, delete] }
data_provider: { password: 'a=b # c' }
httpd: { bind_port: 0 }
`,
  hcl: `SFTPD {
  bind_port = 22 // ssh
  umask = "0077"
  enable_scp = true
  max_auth_tries = -1
  keys = [{ private_key = "id_rsa" }, { Private_Key = "/etc/ssh/é" }]
  actions { execute_on = ["upload", "delete"] }
}
data_provider = { password = "a=b # c" }
httpd { bind_port = 0 }
`,
  properties: `! all of it
SFTPD.bind_port : 22
sftpd.umask=0077
sftpd.enable_scp true
sftpd.max_auth_tries = -1
Sftpd.Keys = id_rsa, /etc/ssh/\\u00e9
sftpd.actions.execute_on = upload, \\
    delete
data_provider.password = a=b # c
httpd.bind_port = 0
`,
  env: `# all of it
export SFTPD.bind_port=22
SFTPGO_SFTPD__UMASK="0077"
sftpd.enable_scp=true
sftpd.max_auth_tries: -1
Sftpd.Keys=id_rsa,/etc/ssh/é
sftpd.actions.execute_on="upload,
delete"
data_provider.password='a=b # c'
httpd.bind_port=0 # off
SFTPGO_LOG_VERBOSE=1
NODE_OPTIONS=--max-old-space-size=512
`,
}
test.each(Object.entries(ALL_KINDS))('every kind of value is read from %s', async (ext, text) => {
  write(ext, text)
  const { config } = await load()
  const builtIn = defaultConfig()
  expect(config).toEqual({
    ...builtIn,
    sftpd: {
      ...builtIn.sftpd,
      bind_port: 22,
      umask: '0077',
      enable_scp: true,
      max_auth_tries: -1,
      keys: [{ private_key: 'id_rsa' }, { private_key: '/etc/ssh/é' }],
      actions: { ...builtIn.sftpd.actions, execute_on: ['upload', 'delete'] },
    },
    data_provider: { ...builtIn.data_provider, password: 'a=b # c' },
    httpd: { ...builtIn.httpd, bind_port: 0 },
  })
})

test.each(Object.keys(EXAMPLES))('an empty .%s sets nothing, unless the format has none', async (ext) => {
  write(ext, '')
  if (ext === 'json') expect(await refusal(ext)).toBe('FILE: line 1, column 1: expected a value')
  else expect((await load()).config).toEqual(defaultConfig())
})

test('a file that another one hides is a warning', async () => {
  for (const ext of ['toml', 'json', 'yml', 'env'])
    copyFileSync(fixture(EXAMPLES[ext] ?? ''), join(dir, `${NAME}.${ext}`))
  const { file, warnings } = await load()
  expect(file).toBe(join(dir, `${NAME}.json`))
  expect(warnings).toEqual(['toml', 'yml'].map((ext) => `${dir}/${NAME}.${ext} is not read: ${file} comes first`))
})

describe('refused with its place and without a secret:', () => {
  const SECRET = 'hunter2'
  test.each<[extension: string, name: string, text: string, message: string]>([
    ['toml', 'a missing value', '[sftpd]\nbind_port =\n', 'line 2, column 12: expected TOML ('],
    ['toml', 'a bare word', `[data_provider]\npassword = ${SECRET}\n`, 'line 2, column 12: expected TOML ('],
    ['toml', 'an open text', `[data_provider]\npassword = "${SECRET}\n`, 'line 2, column '],
    ['toml', 'a key given twice', 'a = 1\na = 2\n', 'line 2, column 1: expected TOML ('],
    ['toml', 'deep nesting', `a = ${'['.repeat(5000)}`, 'line 1, column '],
    ['yaml', 'a tab', 'sftpd:\n\tbind_port: 1\n', 'line 2, column 1: expected spaces for indentation, not tabs'],
    ['yaml', 'a missing colon', `sftpd:\n  bind_port 1\n  password: ${SECRET}`, 'line 2, column '],
    ['yaml', 'an open text', `data_provider:\n  password: "${SECRET}\n`, 'line 3, column 1: expected a closing quote'],
    ['yaml', 'a bad escape', `a: "${SECRET}\\q"`, 'line 1, column 12: expected a well escaped text in double quotes'],
    ['yaml', 'a key given twice', 'a: 1\na: 2\n', 'line 2, column 1: expected a key that was not given before'],
    ['yaml', 'two documents', 'a: 1\n---\nb: 1\n', 'line 2, column 1: expected one document'],
    ['yaml', 'an unknown alias', `a: *${SECRET}`, 'line 1, column 4: expected an alias of an anchor above it'],
    ['yaml', 'deep nesting', '['.repeat(20_000), 'line 1, column '],
    ['yaml', 'a key that is a list', '? [a]\n: 1', 'line 1, column 3: expected a key that is a text'],
    ['hcl', 'a missing value', 'sftpd {\n  bind_port =\n}', 'line 3, column 1: expected a value'],
    ['hcl', 'a missing value at the end', 'a =', 'line 1, column 4: expected a value'],
    ['hcl', 'a bare word', `data_provider {\n  password = ${SECRET}\n}`, 'line 2, column 14: expected HCL'],
    [
      'hcl',
      'an open text',
      `data_provider {\n  password = "${SECRET}\n}`,
      'line 2, column 14: expected a text that is closed',
    ],
    ['hcl', 'an open block', 'sftpd {\n  bind_port = 1\n', 'line 3, column 1: expected the closing bracket'],
    ['hcl', 'a closed block too many', 'sftpd { }\n}', 'line 2, column 1: expected no "}"'],
    ['hcl', 'the wrong bracket', 'a = [1}', 'line 1, column 7: expected no "}"'],
    [
      'hcl',
      'a number that is too large',
      'sftpd {\n  bind_port = 3000000000\n}',
      'line 2, column 15: expected a whole number from',
    ],
    ['hcl', 'deep nesting', `a = ${'['.repeat(5000)}`, 'line 1, column 37: expected less nesting'],
    [
      'properties',
      'a bad escape',
      `a=\\\n \\u00\npassword=${SECRET}`,
      'line 2, column 2: expected four hexadecimal digits behind "\\u"',
    ],
    ['properties', 'no key', `sftpd.umask=0022\n=${SECRET}`, 'line 2, column 1: expected a key before the value'],
    [
      'properties',
      'a key given twice',
      'httpd.bind_port=1\nhttpd.BIND_PORT=2',
      'line 2, column 1: expected a key that was not given before',
    ],
    [
      'properties',
      'a setting as a section',
      'sftpd.umask=0022\nsftpd.umask.x=1',
      'line 2, column 1: expected a setting where no other one is its section',
    ],
    [
      'env',
      'a line without "="',
      `sftpd.umask=0022\n  ${SECRET}`,
      'line 2, column 3: expected a comment, or a key and "="',
    ],
    [
      'env',
      'an open text',
      `\ndata_provider.password="${SECRET}\n`,
      'line 2, column 24: expected a value that ends with "',
    ],
    [
      'env',
      'a text behind the quotes',
      `data_provider.password='a' ${SECRET}`,
      "line 1, column 24: expected a value that ends with '",
    ],
    [
      'env',
      'a key given twice',
      'httpd.bind_port=1\nSFTPGO_HTTPD__BIND_PORT=2',
      'line 2, column 1: expected a key that was not given before',
    ],
  ])('.%s, %s', async (ext, _, text, message) => {
    write(ext, text)
    const said = await refusal(ext)
    expect(said).toMatch(/^FILE: line \d+, column \d+: expected [^\n]+$/)
    expect(said.slice('FILE: '.length, 'FILE: '.length + message.length)).toBe(message)
    expect(said).not.toContain(SECRET)
  })

  test.each<[extension: string, text: string, line: number]>([
    ['json', '{\n "sftpd": {\n  "bind_prot": 1,\n  "bind_port": "x"}}', 3],
    ['toml', '[sftpd]\n\nbind_prot = 1\nbind_port = "x"', 3],
    ['yaml', 'sftpd:\n\n  bind_prot: 1\n  bind_port: x\n', 3],
    ['hcl', 'sftpd {\n # no\n  bind_prot = 1\n  bind_port = "x"\n}', 3],
    ['properties', '\n\nsftpd.bind_prot=1\nsftpd.bind_port=x', 3],
    ['env', '\n\nsftpd.bind_prot=1\nsftpd.bind_port=x', 3],
  ])('.%s, keys and values are named with their lines', async (ext, text, line) => {
    write(ext, text)
    expect(await refusal(ext)).toBe(
      `FILE: line ${line}: sftpd.bind_prot is not a setting, did you mean sftpd.bind_port?; ` +
        `FILE: line ${line + 1}: sftpd.bind_port is "x", allowed is a whole number from 0 to 65535`,
    )
  })

  test.each<[extension: string, text: string]>([
    ['json', '{"data_provider": {"password": [1], "pasword": "hunter2"}}'],
    ['toml', 'data_provider.password = 1979-05-27T07:32:00Z'],
    ['yaml', 'data_provider: {password: {hunter2: 1}}'],
    ['hcl', 'data_provider { password = ["hunter2"] }'],
  ])('.%s, a password of the wrong type', async (ext, text) => {
    write(ext, text)
    const said = await refusal(ext)
    expect(said).toContain('data_provider.password is ***, allowed is a text')
    expect(said).not.toContain(SECRET)
  })

  test('a section that HCL has twice', async () => {
    write('hcl', 'sftpd { bind_port = 1 }\nsftpd { umask = "0022" }')
    expect(await refusal('hcl')).toBe('FILE: line 2: sftpd is a list, allowed is an object')
  })

  test('what is no UTF-8, and what is too large', async () => {
    write('toml', Buffer.from([0x61, 0xff]))
    expect(await refusal('toml')).toBe('FILE is not written in UTF-8')
    write('toml', '#'.repeat(MAX_CONFIG_BYTES + 1))
    expect(await refusal('toml')).toContain('FILE is larger than 65536 bytes')
    write('toml', '#'.repeat(MAX_CONFIG_BYTES))
    expect((await load()).config).toEqual(defaultConfig())
  })
})

test('a YAML text of few aliases that would grow without bound is refused', async () => {
  const rows = Array.from(
    { length: 30 },
    (_, row) =>
      `x${row}: &x${row} [${Array(9)
        .fill(row === 0 ? 'lol' : `*x${row - 1}`)
        .join(', ')}]`,
  )
  write('yaml', rows.join('\n'))
  expect(await refusal('yaml')).toContain('expected at most 100 values by alias')
})

test.each(['json', 'toml', 'yaml', 'hcl', 'properties', 'env'])(
  '%s: keys of every object are keys like others, and change no object',
  async (ext) => {
    const texts: Record<string, string> = {
      json: '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
      toml: '__proto__.polluted = 1\nconstructor.prototype.polluted = 1',
      yaml: '__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}',
      hcl: '__proto__ { polluted = 1 }\nconstructor { prototype { polluted = 1 } }',
      properties: '__proto__.polluted=1\nconstructor.prototype.polluted=1',
      env: '__proto__.polluted=1\nconstructor.prototype.polluted=1',
    }
    write(ext, texts[ext] ?? '')
    expect(await refusal(ext)).toMatch(/FILE: (line \d: )?__proto__ is not a setting/)
    expect('polluted' in {}).toBe(false)
  },
)

describe('noise is refused or read, and nothing else', () => {
  const SCRAPS = [
    '',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '=',
    ':',
    '\\',
    '\\u',
    '\n',
    ' ',
    '\t',
    '#',
    '&a',
    '*a',
    '<<',
    '/*',
    '-',
    '"""',
    '\0',
    '\ud800',
  ]

  test.each(FORMATS)('$name', { timeout: 60_000 }, async ({ parse, extensions }) => {
    const example = readFileSync(fixture(EXAMPLES[extensions[0] ?? ''] ?? ''), 'utf8')
    const tried = async (text: string): Promise<void> => {
      try {
        const { content, lineOf: line } = await parse(text)
        expect(typeof content).not.toBe('function')
        await line(['sftpd', 'keys', 0, 'private_key'])
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxProblem)
      }
    }
    const damaged = fc
      .tuple(fc.nat(example.length), fc.nat(40), fc.array(fc.constantFrom(...SCRAPS), { maxLength: 4 }))
      .map(([at, length, scraps]) => example.slice(0, at) + scraps.join('') + example.slice(at + length))
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          damaged,
          fc.string({ unit: 'binary' }),
          fc.array(fc.constantFrom(...SCRAPS)).map((s) => s.join('')),
        ),
        tried,
      ),
      { numRuns: 150 },
    )
  })

  // What makes a parser go back over what it has seen, or call itself.
  const REPEATED = [
    '\n',
    ' ',
    '[',
    '{',
    '"',
    '#',
    'a',
    'a=',
    'a: ',
    '- ',
    '\\',
    "'",
    '/*',
    '<<A\n',
    '? ',
    '&a ',
    '\\\n',
    'a.',
  ]
  test.each(FORMATS)('$name, of one thing many times', { timeout: 60_000 }, async ({ parse }) => {
    for (const unit of REPEATED) {
      const outcome = await parse(unit.repeat(5_000)).catch((error: unknown) => error)
      expect(outcome instanceof SyntaxProblem || !(outcome instanceof Error)).toBe(true)
    }
  })
})
