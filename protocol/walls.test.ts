import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Sources below a folder of the repository, tests apart. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts') && !/\.test\.(support\.)?ts$/.test(file))
    .toSorted()
}

/** What a source imports, in any form of import or export. */
function imports(text: string): string[] {
  return [...text.matchAll(/\b(?:from|import|require)\s*\(?\s*(['"`])([^'"`]*)\1/g)].map((match) => match[2] ?? '')
}

/** The top-level folder that an import of a file leads to, or the package it names. */
function target(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return relative(root, resolve(root, dirname(file), specifier)).split(sep)[0] ?? ''
}

/** Text without its comments, in which a word may stand that the code must not use. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

const protocol = sources('protocol')
const lib = sources('lib')

test('the sources are found', () => {
  expect(protocol).toContain(join('protocol', 'sftp', 'server.ts'))
  expect(protocol).toContain(join('protocol', 'testing', 'client.ts'))
  expect(lib.length).toBeGreaterThan(0)
})

test('an import is recognised in every form', () => {
  const forms = [
    "import a from './a.ts'",
    "import type { B } from 'b'",
    "export * from '../c.ts'",
    "import 'node:d'",
    "await import('e')",
    "require('f')",
    "import {\n  g,\n} from 'g'",
  ]
  expect(imports(forms.join('\n'))).toEqual(['./a.ts', 'b', '../c.ts', 'node:d', 'e', 'f', 'g'])
})

describe.each(protocol)('%s', (file) => {
  test('imports nothing but protocol/', () => {
    const elsewhere = imports(code(read(file))).filter((specifier) => target(file, specifier) !== 'protocol')
    expect(elsewhere).toEqual([])
  })

  test('has no clock, no randomness, no timers and no process of its own', () => {
    expect(code(read(file))).not.toMatch(
      /\bDate\.now|\bnew Date\(\)|\bMath\.random|\bcrypto\.|\bset(Timeout|Interval|Immediate)\b|\bprocess\.|\bperformance\./,
    )
  })
})

test('the engine does not use what is made for its tests', () => {
  const engine = protocol.filter((file) => !file.startsWith(join('protocol', 'testing')))
  const using = engine.filter((file) => imports(code(read(file))).some((specifier) => specifier.includes('/testing/')))
  expect(using).toEqual([])
})

test('lib/ imports nothing that is above it', () => {
  const upwards = lib.flatMap((file) =>
    imports(code(read(file)))
      .filter((specifier) => ['bin', 'conformance', 'bench'].includes(target(file, specifier)))
      .map((specifier) => `${file}: ${specifier}`),
  )
  expect(upwards).toEqual([])
})
