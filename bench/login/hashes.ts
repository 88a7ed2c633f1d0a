import { createPasswords } from '../../lib/accounts/passwords.ts'
import { median } from '../figures.ts'

const PASSWORD = 'password'
const ROUNDS = 5

/** One of each kind, of a cost that is usual with it; `undefined` is what this server makes itself. */
const HASHES: readonly { name: string; stored: string | undefined }[] = [
  { name: 'argon2id m=65536,t=3,p=2', stored: undefined },
  { name: 'bcrypt cost 10', stored: '$2b$10$ajq8Q7fbtFRQvXpdCq7Jcuy.Rx1h/L4J60Otx.gyNLbAYctGMJ9tK' },
  { name: 'bcrypt cost 14', stored: '$2b$14$ajq8Q7fbtFRQvXpdCq7Jcuy.Rx1h/L4J60Otx.gyNLbAYctGMJ9tK' },
  { name: 'pbkdf2-sha1, 150000', stored: `$pbkdf2-sha1$150000$E86a9YMX3zC7$${'A'.repeat(27)}=` },
  { name: 'pbkdf2-sha256, 150000', stored: `$pbkdf2-sha256$150000$E86a9YMX3zC7$${'A'.repeat(43)}=` },
  { name: 'pbkdf2-sha512, 150000', stored: `$pbkdf2-sha512$150000$E86a9YMX3zC7$${'A'.repeat(86)}==` },
  { name: 'sha256crypt, 5000 rounds', stored: `$5$saltstring$${'.'.repeat(43)}` },
  { name: 'sha512crypt, 5000 rounds', stored: `$6$saltstring$${'.'.repeat(86)}` },
]

export interface HashTime {
  name: string
  /** Median of one check at a time; whether the password is right makes no difference. */
  milliseconds: number
}

export async function timeHashes(): Promise<HashTime[]> {
  const passwords = createPasswords()
  const own = await passwords.toStore(PASSWORD)
  const times: HashTime[] = []
  for (const { name, stored = own } of HASHES) {
    const rounds: number[] = []
    // The first one starts threads and fills caches.
    for (let round = 0; round <= ROUNDS; round++) {
      const start = performance.now()
      await passwords.matches(stored, PASSWORD)
      if (round > 0) rounds.push(performance.now() - start)
    }
    times.push({ name, milliseconds: median(rounds) })
  }
  return times
}
