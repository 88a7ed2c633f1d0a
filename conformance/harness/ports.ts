import { createServer } from 'node:net'

export const LOOPBACK = '127.0.0.1'

/** A port that was free a moment ago. Another program may take it first: see `retryOnClash`. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, LOOPBACK, () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the listener has no port'))
        else resolve(address.port)
      })
    })
  })
}

const CLASH = /EADDRINUSE|address already in use|port .*in use/i
const ATTEMPTS = 5

/** Starts something on free ports, and once more when someone else was quicker to take one. */
export async function retryOnClash<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === ATTEMPTS || !CLASH.test(String(error))) throw error
    }
  }
}
