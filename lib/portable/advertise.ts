import type { Clock } from '../clock.ts'

/** How long the network may take to agree to the name; a second is usual. */
export const ANNOUNCE_DEADLINE_MS = 5000
/** How long saying goodbye may take: the entry is forgotten by itself in the end. */
export const WITHDRAW_DEADLINE_MS = 2000

/** An SFTP server as multicast DNS shows it (RFC 6763). */
export interface Service {
  /** Unique on the network: when it is taken, a number is added. */
  name: string
  port: number
  txt: Readonly<Record<string, string>>
}

export interface Advertised {
  /** Says goodbye to the network; never rejects. */
  withdraw(): Promise<void>
}

/**
 * Tells the local network of an `_sftp-ssh._tcp` service, on every interface that takes multicast.
 * @throws Error of one line when that is not possible.
 */
export async function advertise({ name, port, txt }: Service, clock: Clock): Promise<Advertised> {
  // Loaded here only: it changes how this process shows stack traces.
  const { getResponder } = await import('@homebridge/ciao')
  const responder = getResponder()
  const withdraw = (): Promise<void> => within(clock, WITHDRAW_DEADLINE_MS, responder.shutdown()).catch(() => undefined)
  try {
    const service = responder.createService({ name, type: 'sftp-ssh', port, txt })
    await within(clock, ANNOUNCE_DEADLINE_MS, service.advertise())
  } catch (error) {
    await withdraw()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`multicast DNS does not work here: ${reason.split('\n')[0]}`, { cause: error })
  }
  return { withdraw }
}

async function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  let cancel = (): void => undefined
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(limitMs, () => reject(new Error(`nothing came of it within ${limitMs / 1000} seconds`)), {
      ref: true,
    })
    cancel = () => timer.cancel()
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
