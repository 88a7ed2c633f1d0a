import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { format, resolveConfig } from 'prettier'
import { expect, test, vi } from 'vitest'
import { FORMATS } from './formats.ts'
import { editorSchema, reference, SAMPLES } from './reference.test.support.ts'
import { configSchema } from './schema.ts'

// Nothing here takes long by itself, but a machine with more to do than this takes its time.
vi.setConfig({ testTimeout: 30_000 })

const README = fileURLToPath(new URL('README.md', import.meta.url))
const EDITOR_SCHEMA = fileURLToPath(new URL('../../static/config.schema.json', import.meta.url))

async function expectUpToDate(file: string, text: string): Promise<void> {
  const formatted = await format(text, { ...(await resolveConfig(file)), filepath: file })
  if (process.env['UPDATE_DOCS'] === '1') {
    await mkdir(new URL('../../static/', import.meta.url), { recursive: true })
    await writeFile(file, formatted)
  }
  expect(await readFile(file, 'utf8')).toBe(formatted)
}

test('the reference says what the schema says (UPDATE_DOCS=1 writes it anew)', async () => {
  await expectUpToDate(README, reference())
})

test('the JSON Schema says what the schema says (UPDATE_DOCS=1 writes it anew)', async () => {
  await expectUpToDate(EDITOR_SCHEMA, JSON.stringify(editorSchema()))
})

test('the samples of the reference are the same configuration', async () => {
  const { sftpd, data_provider: provider } = configSchema.parse({})
  for (const { extensions, parse } of FORMATS) {
    const text = SAMPLES[extensions.find((one) => SAMPLES[one] !== undefined) ?? ''] ?? ''
    expect(configSchema.parse((await parse(text)).content)).toEqual({
      ...configSchema.parse({}),
      sftpd: {
        ...sftpd,
        keys: [{ private_key: 'id_ed25519' }, { private_key: 'id_rsa' }],
        enabled_ssh_commands: ['scp', 'sha256sum'],
      },
      data_provider: provider,
    })
  }
})

test('the JSON Schema takes the samples and refuses what the server refuses', async () => {
  const valid = new Ajv2020().compile(JSON.parse(await readFile(EDITOR_SCHEMA, 'utf8')) as object)
  for (const good of [{}, JSON.parse(SAMPLES['json'] ?? ''), configSchema.parse({})]) expect(valid(good)).toBe(true)
  for (const bad of [{ sftpd: { bind_prot: 1 } }, { sftpd: { upload_mode: 3 } }, { httpd: { bind_port: '80' } }])
    expect(valid(bad)).toBe(false)
})
