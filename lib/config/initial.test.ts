import { expect, test } from 'vitest'
import { FORMATS } from './formats.ts'
import { INITIAL_FORMATS, initialConfig } from './initial.ts'
import { configSchema } from './schema.ts'
import { leavesOf } from './tree.ts'

test('every format has its first configuration file', () => {
  for (const { extensions } of FORMATS) expect(INITIAL_FORMATS.some((one) => extensions.includes(one))).toBe(true)
})

test.each(INITIAL_FORMATS)('a first configuration file as .%s gives every setting its default', async (extension) => {
  const text = initialConfig(extension).join('\n')
  const format = FORMATS.find(({ extensions }) => extensions.includes(extension))
  const parsed = await format?.parse(text)
  expect(parsed?.content).toEqual(configSchema.parse({}))
  const lines = await Promise.all(leavesOf(configSchema).map(async ({ path }) => parsed?.lineOf(path)))
  // Nothing is left to a default, and nothing stands on the line of another one.
  expect(new Set(lines).size).toBe(lines.length)
  if (extension !== 'json') expect(text).toContain('# TCP port of the SFTP server')
})

test('any other is refused', () => {
  expect(() => initialConfig('ini')).toThrow('format is "ini", allowed is json, toml, yaml, properties, hcl, env')
  expect(() => initialConfig('toString')).toThrow('allowed is')
})
