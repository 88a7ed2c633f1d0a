import type { Clock } from '../../clock.ts'

/** For making a connection, and for each answer of a database behind a network. */
export const ANSWER_LIMIT_MS = 10_000

/**
 * What `work` gives, if it comes within {@link ANSWER_LIMIT_MS}.
 * @param giveUp called before the rejection; what `work` gives afterwards goes to `late`.
 * @throws Error saying what was waited for.
 */
export function beforeDeadline<T>(
  clock: Clock,
  what: string,
  work: Promise<T>,
  { giveUp = () => undefined, late = () => undefined }: { giveUp?: () => void; late?: (result: T) => void } = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false
    const timer = clock.after(ANSWER_LIMIT_MS, () => {
      over = true
      giveUp()
      reject(new Error(`no ${what} within ${ANSWER_LIMIT_MS / 1000} s`))
    })
    work.then(
      (result) => {
        timer.cancel()
        if (over) late(result)
        else resolve(result)
        return undefined
      },
      (error: unknown) => {
        timer.cancel()
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}
