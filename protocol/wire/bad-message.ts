/** The peer sent something that cannot be understood. The message names the field and what was expected. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage'
}
