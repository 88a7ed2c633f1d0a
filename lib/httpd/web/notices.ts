/** What a page says once something was done. */
const NOTICES = {
  added: 'The user was added.',
  updated: 'The user was updated.',
  deleted: 'The user was deleted.',
  enabled: 'The user can log in again.',
  disabled: 'The user was disabled; open sessions end.',
  closed: 'The connection was closed.',
  gone: 'The connection had ended before.',
  unbanned: 'The address may connect again.',
  'unbanned-before': 'The address was not banned any more.',
  'scan-started': 'The scan was started. What it finds becomes the used quota of the user.',
  'scan-busy': 'A scan of this user is running already.',
} as const
export type NoticeKey = keyof typeof NOTICES

/** The text that `?done=` stands for; an address never brings text of its own into a page. */
export function noticeOf(query: URLSearchParams): string | undefined {
  const key = query.get('done')
  return key !== null && Object.hasOwn(NOTICES, key) ? NOTICES[key as NoticeKey] : undefined
}
