/** The configuration cannot be used; the message is one line naming the source, the key and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** Each on one line of its own; the message has them all. */
  readonly problems: readonly string[]

  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [problems] : problems
    super(list.join('; '), options)
    this.problems = list
  }
}
