/** What the server holds at one moment. */
export interface Holding {
  /** Since the beginning, in seconds. */
  atSeconds: number
  residentKib: number
  descriptors: number
  /** Connections that the REST API lists. */
  connections: number
}

/** Memory may still settle by so much after the first half: heaps grow in steps. */
export const SETTLING_KIB = 16 * 1024
/** And by this share of what it was. */
export const SETTLING_SHARE = 0.1
/** Descriptors that come and go with what the server does for itself, its store among them. */
export const OWN_DESCRIPTORS = 4

/**
 * Whether what a server holds stays as it is: memory from the second quarter of the time to the last, by medians, and
 * descriptors from before the first client to after the last.
 * @returns what does not, in a sentence each.
 */
export function growth(before: Holding, during: readonly Holding[], after: Holding): string[] {
  const quarter = (nth: number): number =>
    median(
      during
        .slice(Math.floor((during.length * (nth - 1)) / 4), Math.floor((during.length * nth) / 4))
        .map(({ residentKib }) => residentKib),
    )
  const [early, late] = [quarter(2), quarter(4)]
  const found: string[] = []
  if (late > early + Math.max(SETTLING_KIB, early * SETTLING_SHARE)) {
    found.push(`memory grows: ${mib(early)} MiB in the second quarter, ${mib(late)} MiB in the last`)
  }
  if (after.descriptors > before.descriptors + OWN_DESCRIPTORS) {
    found.push(`descriptors are left open: ${before.descriptors} before, ${after.descriptors} after`)
  }
  if (after.connections > 0) found.push(`connections are left: ${after.connections}`)
  return found
}

export function mib(kib: number): string {
  return (kib / 1024).toFixed(0)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.floor(sorted.length / 2)]
  if (value === undefined) throw new Error('too short: there is nothing to compare')
  return value
}
