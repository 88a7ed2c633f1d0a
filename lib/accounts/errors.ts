import { ProviderError } from '../providers/provider.ts'
import { AccountError } from './accounts.ts'
import { PasswordError } from './passwords.ts'

export function invalid(problem: string): AccountError {
  return new AccountError('validation', `Validation error: ${problem}`)
}

export function methodDisabled(): AccountError {
  return new AccountError('method-disabled', 'Method disabled error: users cannot be changed while manage_users is 0')
}

export function notFound(id: number): AccountError {
  return new AccountError('not-found', `Not found: no user with id ${id}`)
}

/** What is wrong with a value that was sent, without the words in front; undefined for any other error. */
export function asProblem(error: unknown): string | undefined {
  if (error instanceof PasswordError && error.kind === 'refused') return `password: ${error.message}`
  if (error instanceof AccountError && error.kind === 'validation')
    return error.message.replace(/^Validation error: /, '')
  return undefined
}

/** Runs a provider's or hasher's call in the words of accounts: nothing but {@link AccountError} comes out. */
export async function asAccountError<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof AccountError) throw error
    if (error instanceof PasswordError && error.kind === 'refused') throw invalid(`password: ${error.message}`)
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof ProviderError && error.kind === 'exists') {
      throw new AccountError('exists', `User already exists: ${message}`, { cause: error })
    }
    if (error instanceof ProviderError && error.kind === 'not-found') {
      throw new AccountError('not-found', `Not found: ${message}`, { cause: error })
    }
    throw new AccountError('unavailable', `Data provider error: ${message}`, { cause: error })
  }
}
