import { amounts } from '../amounts.ts'

export const MANY = amounts('many', {
  clients: { flag: 'clients', unit: 'N', initial: 100, about: 'clients that upload at once, then download' },
  sizeMib: { flag: 'size', unit: 'MIB', initial: 10, about: 'what each of them moves' },
  idle: { flag: 'idle', unit: 'N', initial: 500, about: 'sessions that are opened and do nothing' },
})
