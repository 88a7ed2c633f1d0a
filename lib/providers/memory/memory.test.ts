import { describe } from 'vitest'
import { providerContract } from '../contract.ts'
import { MemoryProvider } from './memory.ts'

describe('memory', () => {
  providerContract(async () => new MemoryProvider())
})
