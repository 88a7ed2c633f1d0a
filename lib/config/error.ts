/** The configuration cannot be used; the message is one line naming the source, the key and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
