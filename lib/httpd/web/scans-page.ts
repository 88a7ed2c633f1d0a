import type { QuotaScan } from '../../quota-scans/quota-scans.ts'
import { bytes, count, dateTime, plural, visible } from './show.ts'

/** As many rows as a page that is sent again every second may have. */
const MAX_SHOWN = 200

/** Scans that are under way, as the live table shows them. */
export function scansState(list: readonly QuotaScan[]): object {
  return {
    summary: `${plural(list.length, 'scan')} running`,
    rows: list.slice(0, MAX_SHOWN).map(({ username, startTimeMs, files, size }) => ({
      key: `${username} ${startTimeMs}`,
      sinceMs: startTimeMs,
      fields: {
        username: visible(username),
        since: dateTime(startTimeMs),
        files: count(files),
        size: bytes(size),
      },
      transfers: [],
    })),
  }
}
