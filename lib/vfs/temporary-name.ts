import { randomInt } from 'node:crypto'

/** Linux' NAME_MAX. */
const NAME_MAX_BYTES = 255
const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz'
/** Of the 20 characters between the dots the first tell which process made the file. */
const INSTANCE_LENGTH = 8
const RANDOM_LENGTH = 12

const PATTERN = /^\.sftpgo-upload\.([0-9a-z]{8})[0-9a-z]{12}\.(.+)$/s

/** Names the temporary files of one process, so that the next one can tell whose they are. */
export function newInstance(): string {
  return letters(INSTANCE_LENGTH)
}

/**
 * A name beside `name` for a file that is not complete yet: `.sftpgo-upload.<20 characters>.<name>`, as
 * SFTPGo names them. A name that would become too long loses its end.
 */
export function temporaryName(instance: string, name: string): string {
  return `.sftpgo-upload.${instance}${letters(RANDOM_LENGTH)}.${name}`.slice(0, NAME_MAX_BYTES)
}

export function isTemporaryName(name: string): boolean {
  return PATTERN.test(name)
}

/** Who made a temporary file, and for which name; undefined for the name of anything else. */
export function readTemporaryName(name: string): { instance: string; name: string; cut: boolean } | undefined {
  const [, instance, target] = PATTERN.exec(name) ?? []
  if (instance === undefined || target === undefined) return undefined
  return { instance, name: target, cut: name.length >= NAME_MAX_BYTES }
}

function letters(count: number): string {
  return Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}
