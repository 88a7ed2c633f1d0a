import { verify } from '@node-rs/bcrypt'

/** Each step doubles the time: 14 takes about 0.7 s, 16 three. */
export const BCRYPT_COST = { min: 4, max: 16 } as const

const FORMAT = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/

/** The hash as it is, `undefined` for anything that is malformed or out of bounds. */
export function parseBcrypt(text: string): string | undefined {
  const cost = Number(FORMAT.exec(text)?.[1])
  return cost >= BCRYPT_COST.min && cost <= BCRYPT_COST.max ? text : undefined
}

/** Off the event loop. As everywhere with bcrypt, bytes behind the 72nd do not count. */
export function bcryptMatches(hash: string, password: string): Promise<boolean> {
  return verify(password, hash)
}
