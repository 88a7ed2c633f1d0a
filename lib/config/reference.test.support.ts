import { z } from 'zod'
import { variableOf } from './environment.ts'
import { MAX_CONFIG_BYTES } from './file.ts'
import { FORMATS } from './formats.ts'
import { configSchema } from './schema.ts'
import { fieldsOf, leavesOf, schemaAt } from './tree.ts'
import type { LeafKind } from './tree.ts'

const KINDS: Readonly<Record<LeafKind, string>> = {
  text: 'text',
  integer: 'integer',
  boolean: 'boolean',
  list: 'list of texts',
  keys: 'list of objects with `private_key`',
}

/** One setting as the reference tells it. */
interface Row {
  key: string
  kind: string
  initial: string
  allowed: string
  variable: string
  description: string
}

/** Every setting of a section, from the schema. */
function rowsOf(section: string): Row[] {
  return leavesOf(configSchema)
    .filter(({ path }) => path[0] === section)
    .map(({ path, kind }) => {
      const schema = schemaAt(configSchema, path)
      return {
        key: path.slice(1).join('.'),
        kind: KINDS[kind],
        initial: JSON.stringify(schema.parse(undefined)),
        allowed: allowedBy(schema),
        variable: variableOf(path),
        description: schema.description ?? describedBy(path),
      }
    })
}

/** Lists of the actions say what they are for by themselves. */
const describedBy = (path: readonly string[]) => schemaAt(configSchema, path.slice(0, -1)).description ?? ''

/** What the schema itself says when it refuses: first of the value as a whole, then of an item. */
function allowedBy(schema: z.ZodType): string {
  const refused = [Symbol('no value'), [Symbol('no item')], '\0', ['\0']].flatMap((value) => {
    const { success, error } = schema.safeParse(value)
    return success ? [] : error.issues.map(({ message }) => message)
  })
  const [first = ''] = refused.toSorted((a, b) => b.length - a.length)
  return first
}

/** The same settings in each format, by extension. */
export const SAMPLES: Readonly<Record<string, string>> = {
  json: `{
  "sftpd": {
    "bind_port": 2022,
    "keys": [{ "private_key": "id_ed25519" }, { "private_key": "id_rsa" }],
    "enabled_ssh_commands": ["scp", "sha256sum"]
  },
  "data_provider": { "driver": "sqlite", "name": "sftpgo.db" }
}
`,
  toml: `[sftpd]
bind_port = 2022
keys = [{ private_key = "id_ed25519" }, { private_key = "id_rsa" }]
enabled_ssh_commands = ["scp", "sha256sum"]

[data_provider]
driver = "sqlite"
name = "sftpgo.db"
`,
  yaml: `sftpd:
  bind_port: 2022
  keys:
    - private_key: id_ed25519
    - private_key: id_rsa
  enabled_ssh_commands: [scp, sha256sum]
data_provider:
  driver: sqlite
  name: sftpgo.db
`,
  properties: `sftpd.bind_port = 2022
sftpd.keys = id_ed25519, id_rsa
sftpd.enabled_ssh_commands = scp, sha256sum
data_provider.driver = sqlite
data_provider.name = sftpgo.db
`,
  hcl: `sftpd {
  bind_port = 2022
  keys = [{ private_key = "id_ed25519" }, { private_key = "id_rsa" }]
  enabled_ssh_commands = ["scp", "sha256sum"]
}

data_provider {
  driver = "sqlite"
  name = "sftpgo.db"
}
`,
  env: `sftpd.bind_port=2022
sftpd.keys=id_ed25519,id_rsa
SFTPGO_SFTPD__ENABLED_SSH_COMMANDS=scp,sha256sum
data_provider.driver=sqlite
data_provider.name=sftpgo.db
`,
}

/** `README.md` of this folder, but for what the formatter does to it. */
export function reference(): string {
  return [
    '# Configuration',
    '',
    'Made by the tests from `schema.ts`, which the server itself reads by; `UPDATE_DOCS=1` writes it anew.',
    '',
    '## Where it comes from',
    '',
    'A setting has the value of its environment variable, else that of the configuration file, else its default. The ' +
      'variable works with and without a file; a list in it is separated by commas, and replaces the whole list. The ' +
      'file is the first that exists: of the configuration directory (`--config-dir`), `~/.config/sftpgo`, ' +
      '`/etc/sftpgo` and the working directory, in this order, each searched for the name given by `--config-file` ' +
      'with these extensions:',
    '',
    ...FORMATS.map(({ name, extensions }) => `- ${name}: ${extensions.map((one) => `\`.${one}\``).join(', ')}`),
    '',
    `It is written in UTF-8, with at most ${MAX_CONFIG_BYTES / 1024} KiB. Keys may be in any case. Relative paths in it ` +
      'start at the configuration directory, wherever the file was found. A key that is no setting, a value that is ' +
      'not allowed or a text that is not written in its format keeps the server from starting, with a message that ' +
      'names the file and the line. `sftpgo config init --format toml` prints a file with every setting at its default and what it ' +
      'is for; `sftpgo config check` tells everything that is wrong at once, and looks at the ' +
      'files that are named; `sftpgo config show` prints every setting with its value and where that comes from, and ' +
      'the limits that no setting changes. An editor can complete and check with `static/config.schema.json`.',
    '',
    '## The formats',
    '',
    'The same in each of them:',
    '',
    ...FORMATS.flatMap(({ name, extensions }) => {
      const extension = extensions.find((one) => SAMPLES[one] !== undefined) ?? ''
      return [`${name}:`, '', `\`\`\`${extension}`, (SAMPLES[extension] ?? '').trimEnd(), '```', '']
    }),
    '- YAML: `umask` is a text, so `"0022"` has its quotes; without them it is a number. Aliases may stand for ' +
      '100 values.',
    '- Java properties and envfile know only texts: keys are dotted, lists separated by commas, and host keys named by ' +
      'their files, which therefore hold no comma.',
    '- HCL: a section is a block or an object, and is there once. Whole numbers have 32 bits.',
    '- envfile: a key may also be the name of the environment variable, so that a service manager can read the same ' +
      'file. Flags of the command line and variables of other programs are passed over.',
    '',
    '## Settings',
    '',
    ...sections(),
  ].join('\n')
}

function sections(): string[] {
  return [...(fieldsOf(configSchema) ?? [])].flatMap(([section, schema]) => [
    `### ${section}`,
    '',
    escaped(schema.description ?? ''),
    '',
    ...rowsOf(section).map(
      ({ key, kind, initial, allowed, variable, description }) =>
        `- **\`${key}\`**, ${kind}, default \`${initial}\`. ${escaped(description)} Allowed: ${escaped(allowed)}. ` +
        `Environment: \`${variable}\`.`,
    ),
    '',
  ])
}

const escaped = (text: string) => text.replace(/[<*_[\]]/g, '\\$&')

/** The JSON Schema of a configuration file, for editors: nothing is required, nothing else allowed. */
export function editorSchema(): unknown {
  return { title: 'SFTPGo configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) }
}
