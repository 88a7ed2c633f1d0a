import { amounts } from '../amounts.ts'

export const LOGIN = amounts('login', {
  rounds: {
    flag: 'rounds',
    unit: 'N',
    initial: 3,
    about: 'downloads at each rate of logins, each beside one without any',
  },
  sizeMib: { flag: 'size', unit: 'MIB', initial: 1024, about: 'size of the file that is downloaded' },
  seconds: { flag: 'seconds', unit: 'N', initial: 5, about: 'how long logins are counted' },
  parallel: { flag: 'parallel', unit: 'N', initial: 4, about: 'logins at the same time' },
})
