import fs from 'node:fs'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { Scope } from '../harness/scope.ts'
import { tempDir } from '../harness/temp.ts'
import { Needles, plantCanaries, stateOf, touched } from './canaries.ts'

async function planted(): Promise<string> {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  const dir = join(await tempDir(scope), 'outside')
  plantCanaries(dir)
  return dir
}

describe('a canary that was touched is told', () => {
  const TOUCHES: Record<string, (dir: string) => void> = {
    written: (dir) => fs.writeFileSync(join(dir, 'secret'), 'canary'),
    removed: (dir) => fs.rmSync(join(dir, 'victim')),
    'renamed and back': (dir) => {
      fs.renameSync(join(dir, 'secret'), join(dir, 'x'))
      fs.renameSync(join(dir, 'x'), join(dir, 'secret'))
    },
    joined: (dir) => fs.writeFileSync(join(dir, 'new'), ''),
    'linked to': (dir) => fs.linkSync(join(dir, 'secret'), join(dir, '..', 'stolen')),
    'given another mode': (dir) => fs.chmodSync(join(dir, 'below'), 0o700),
    'emptied of nothing': (dir) => fs.rmdirSync(join(dir, 'empty')),
  }

  test.each(Object.entries(TOUCHES))('%s', async (_name, touch) => {
    const dir = await planted()
    const before = stateOf(dir)
    touch(dir)
    expect(touched(before, stateOf(dir))).not.toEqual([])
  })

  test('left alone', async () => {
    const dir = await planted()
    const before = stateOf(dir)
    expect(Object.keys(before)).toHaveLength(8)
    expect(touched(before, stateOf(dir))).toEqual([])
  })
})

describe('what must not come is found', () => {
  test('wherever the stream is cut, and each time once', () => {
    const stream = Buffer.from('..CANARY...CANARYCANARY.CANAR.\x01\x02\x03')
    for (let length = 1; length <= stream.length; length++) {
      const needles = new Needles([Buffer.from('CANARY'), Buffer.from([1, 2])])
      for (let at = 0; at < stream.length; at += length) needles.look(stream.subarray(at, at + length))
      expect(needles.found).toBe(4)
    }
  })
})
