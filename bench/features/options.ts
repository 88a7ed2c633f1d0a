import { amounts } from '../amounts.ts'

export const FEATURES = amounts('features', {
  rounds: { flag: 'rounds', unit: 'N', initial: 7, about: 'measured rounds after the one that warms up' },
  sizeMib: { flag: 'size', unit: 'MIB', initial: 1024, about: 'size of the big file' },
  files: { flag: 'files', unit: 'N', initial: 2000, about: 'number of files of 4 KiB' },
})
