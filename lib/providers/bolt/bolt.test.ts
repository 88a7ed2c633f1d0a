import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe } from 'vitest'
import { providerContract } from '../contract.ts'
import { recordingLog } from '../recording-log.ts'
import { openBoltProvider } from './bolt.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bolt-provider-'))
  path = join(folder, 'users.db')
})
afterEach(() => rm(folder, { recursive: true }))

const open = (log = recordingLog()) => openBoltProvider({ path, log })

describe('bolt', () => {
  providerContract(() => open())
})
