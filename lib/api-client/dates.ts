/**
 * The start of a day in UTC, milliseconds since the epoch; `''` is 0, which means never.
 * @returns undefined for what is no date of the calendar.
 */
export function parseDay(text: string): number | undefined {
  if (text === '') return 0
  const [, year, month, dayOfMonth] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  if (year === undefined) return undefined
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(dayOfMonth)))
  return date.toISOString().startsWith(text) ? date.getTime() : undefined
}
