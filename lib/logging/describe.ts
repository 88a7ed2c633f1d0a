const MAX_CAUSES = 8

/** An error and what caused it, each message once, outermost first, joined by `: `. */
export function describeError(error: unknown): string {
  const texts: string[] = []
  let current = error
  // The bound also ends a chain that leads back to itself.
  for (let depth = 0; depth < MAX_CAUSES && current !== undefined && current !== null; depth++) {
    const text = messageOf(current)
    if (text !== '' && !texts.some((earlier) => earlier.includes(text))) texts.push(text)
    current = current instanceof Error ? current.cause : undefined
  }
  return texts.join(': ')
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : (JSON.stringify(error) ?? typeof error)
  if (error.message !== '') return error.message
  // A failed connection to a name with several addresses has no message of its own.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return (error as NodeJS.ErrnoException).code ?? error.name
}
