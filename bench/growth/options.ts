import { amounts } from '../amounts.ts'

export const GROWTH = amounts('growth', {
  rounds: { flag: 'rounds', unit: 'N', initial: 3, about: 'rounds of each size' },
  eachMib: { flag: 'each', unit: 'MIB', initial: 32, about: 'what each of several transfers moves' },
  largestMib: { flag: 'largest', unit: 'MIB', initial: 4096, about: 'size of the largest file' },
  entries: { flag: 'entries', unit: 'N', initial: 100_000, about: 'names in the largest directory' },
})
