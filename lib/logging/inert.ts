/**
 * The text with everything that could move a terminal's cursor, end its line or reorder what it shows written as
 * `\uXXXX`: control characters, line and paragraph separators, and invisible formatting such as bidi overrides.
 * Inside a JSON text the result still reads back as the same strings.
 */
export function inert(text: string): string {
  // Nearly every text is plain, and this test is the cheaper one.
  return /^[ -~]*$/.test(text) ? text : text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escape)
}

function escape(char: string): string {
  // Characters beyond U+FFFF are two units, and JSON knows only escapes of units.
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  )
}
