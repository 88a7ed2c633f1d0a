import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../lib/version/root.ts'
import { versionInfo } from '../lib/version/version.ts'
import { COMMANDS, GROUPS } from './commands.ts'
import { manualPage } from './manual.ts'

const page = manualPage(versionInfo().version)

test('lib/service/sftpgo.1 is what the description of the command line says; vitest --update writes it', async () => {
  await expect(page).toMatchFileSnapshot(join(packageRoot(), 'lib/service/sftpgo.1'))
})

test('tells of every command, argument, flag and variable', () => {
  const text = page.replaceAll(String.raw`\-`, '-')
  for (const [name, { args, flags }] of Object.entries(COMMANDS)) {
    expect(text).toContain(`.SS sftpgo ${name}`)
    for (const arg of args) expect(text).toContain(`\n.I ${arg.name}\n`)
    for (const flag of [...flags, ...Object.values(GROUPS).flatMap((group) => group.flags)]) {
      expect(text).toMatch(new RegExp(`^\\.BI? ".*--${flag.name} ?"`, 'm'))
      if ('variable' in flag) expect(text).toContain(`\n.B ${flag.variable}\n`)
    }
  }
})

test('mandoc finds no fault', () => {
  const { status, stdout, stderr } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], {
    input: page,
    encoding: 'utf8',
  })
  expect([status, stdout, stderr]).toEqual([0, '', ''])
})
