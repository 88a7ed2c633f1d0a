/** What one size took. */
export interface Point {
  /** Transfers, bytes or names. */
  size: number
  seconds: number
  /** Of the server. */
  cpuSeconds: number
}

export interface Series {
  name: string
  /** What the sizes count. */
  unit: 'transfers' | 'bytes' | 'names'
  /** From the smallest to the largest. */
  points: readonly Point[]
}

/** A step above this is worse than linear; what is below may be the noise of the machine. */
export const LINEAR_AND_NOISE = 1.25

export interface Step {
  from: number
  to: number
  /** How much longer it takes, by how much larger it is: 1 is linear, less is better. */
  factor: number
}

export function steps(points: readonly Point[]): Step[] {
  return points.slice(1).map(({ size, seconds }, at) => {
    const before = points[at] ?? { size, seconds }
    return { from: before.size, to: size, factor: seconds / before.seconds / (size / before.size) }
  })
}

/** Sizes from `first` on, each `times` the one before, none above `last`. */
export function sizes(first: number, times: number, last: number): number[] {
  const all: number[] = []
  for (let size = first; size <= last; size *= times) all.push(size)
  return all
}
