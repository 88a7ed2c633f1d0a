import { amounts } from '../amounts.ts'

export const HTTP = amounts('http', {
  rounds: { flag: 'rounds', unit: 'N', initial: 3, about: 'rounds of each' },
  sizeMib: { flag: 'size', unit: 'MIB', initial: 1024, about: 'size of the file that is moved' },
  users: { flag: 'users', unit: 'N', initial: 1000, about: 'accounts beside that of the transfer' },
  clients: { flag: 'clients', unit: 'N', initial: 8, about: 'connections with one request each under way' },
  seconds: { flag: 'seconds', unit: 'N', initial: 3, about: 'how long requests are counted where nothing is moved' },
})
