import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

interface Instruction {
  name: string
  args: string
}

/** Comments gone, continued lines joined, each with its instruction's name. */
function instructionsOf(text: string): Instruction[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const match = /^([A-Z]+) (.+)$/.exec(line)
      if (match === null) throw new Error(`no instruction: ${line}`)
      return { name: match[1] ?? '', args: match[2] ?? '' }
    })
}

describe('the Dockerfile', () => {
  const instructions = instructionsOf(readFileSync(here('Dockerfile'), 'utf8'))
  const all = (name: string) => instructions.filter((one) => one.name === name).map(({ args }) => args)
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))

  test('holds instructions that there are, and begins with FROM', () => {
    const known = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'VOLUME', 'EXPOSE', 'USER', 'STOPSIGNAL', 'HEALTHCHECK']
    for (const { name } of instructions) expect([...known, 'ENTRYPOINT', 'CMD']).toContain(name)
    expect(instructions[0]?.name).toBe('FROM')
  })

  test('copies what is there', () => {
    const { files } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
    const stages = all('FROM').flatMap((args) => / AS (\w+)$/.exec(args)?.[1] ?? [])
    for (const args of all('COPY')) {
      const words = args.split(' ')
      const stage = /^--from=(\w+)$/.exec(words[0] ?? '')?.[1]
      const sources = words.slice(stage === undefined ? 0 : 1, -1)
      expect(sources).not.toEqual([])
      if (stage !== undefined) expect(stages).toContain(stage)
      for (const source of sources) {
        // What is built, or belongs to the package in any case.
        const made = ['/src/dist', '/src/node_modules', ...files]
        const inTree = existsSync(path.join(ROOT, source.replace(/^\/src\//, '')))
        expect([source, inTree || made.includes(source)]).toEqual([source, true])
      }
    }
  })

  test('the build has every folder that the compiler reads', () => {
    const { include } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.json'), 'utf8')) as { include: string[] }
    for (const folder of include) expect(all('COPY')).toContain(`${folder} ./${folder}`)
  })

  test('runs as an ordinary user, in the words that the program takes, and asks how it is', () => {
    const value = (name: string) => last.findLast((one) => one.name === name)?.args
    expect(value('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    for (const name of ['ENTRYPOINT', 'CMD']) expect(JSON.parse(value(name) ?? '')).toBeInstanceOf(Array)
    const probe = /CMD (\[.*\])$/.exec(value('HEALTHCHECK') ?? '')?.[1]
    expect(JSON.parse(probe ?? '')).toEqual([...JSON.parse(value('ENTRYPOINT') ?? ''), 'healthcheck', '--ready'])
  })

  test('every line ends its instruction or continues it, and quotes are closed', () => {
    for (const { args } of instructions) expect(args.split('"').length % 2).toBe(1)
  })
})

test('the compose file builds that image, and runs it with a root that cannot be written and without privileges', () => {
  const file = here('compose.yaml')
  const { services, volumes } = parse(readFileSync(file, 'utf8')) as {
    services: Record<
      string,
      Record<string, unknown> & { build: { context: string; dockerfile: string }; volumes: string[] }
    >
    volumes: Record<string, null>
  }
  expect(Object.keys(services)).toEqual(['sftpgo'])
  const [service] = Object.values(services)
  if (service === undefined) throw new Error('no service')
  const context = path.resolve(path.dirname(file), service.build.context)
  expect(path.join(context, service.build.dockerfile)).toBe(here('Dockerfile'))
  expect(service).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    init: true,
  })
  for (const volume of service.volumes) expect(volumes).toHaveProperty(volume.split(':')[0] ?? '')
})
