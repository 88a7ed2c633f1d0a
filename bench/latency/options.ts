import { amounts } from '../amounts.ts'

export const LATENCY = amounts('latency', {
  rounds: { flag: 'rounds', unit: 'N', initial: 3, about: 'uploads to each server' },
  sizeMib: { flag: 'size', unit: 'MIB', initial: 128, about: 'size of what is uploaded' },
  roundTripMs: { flag: 'round-trip', unit: 'MS', initial: 100, about: 'how long the way to the server and back takes' },
  inFlightMib: { flag: 'in-flight', unit: 'MIB', initial: 16, about: 'what the client sends without an answer' },
})
