/** What all of the hashes below are of. */
export const PASSWORD = 'correct horse'
/** Of `htpasswd -nbB -C 5`. */
export const BCRYPT = '$2y$05$YEDoBFfDTtCHQL7X/Y0JkOK79YRBQkg6VaVEyQ/NO0uz3HwfQC696'
/** Of `openssl passwd -5` and `-6`. */
export const SHA256 = '$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC'
export const SHA512 =
  '$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/'

/** The header's value. */
export function basic(user: string, password = PASSWORD): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
