import type { Provider } from '../provider.ts'
import { ProviderError } from '../provider.ts'
import { describeError } from '../../logging/describe.ts'
import { assertComplete } from './schema.ts'
import type { SqlProviderOptions } from './sql-provider.ts'
import { SqlProvider } from './sql-provider.ts'

export interface NetworkProviderOptions extends SqlProviderOptions {
  /** Those the table has, in lower case. */
  columns: () => Promise<ReadonlySet<string>>
}

/**
 * A provider over a database that may be down at the moment: then a warning is logged and it is asked again with each
 * call.
 * @throws ProviderError `unavailable` when the database answers and its table cannot be used, naming the command that
 * makes it.
 */
export async function openNetworkProvider({ columns, ...options }: NetworkProviderOptions): Promise<Provider> {
  const { db, dialect, table, log } = options
  let present: ReadonlySet<string>
  try {
    present = await columns()
  } catch (error) {
    log.app('dataProvider', 'warn', `the ${dialect.driver} database cannot be used yet`, { error })
    return new SqlProvider(options)
  }
  try {
    assertComplete(present, table)
    return new SqlProvider(options)
  } catch (error) {
    await db.close()
    throw new ProviderError('unavailable', `driver ${dialect.driver}: ${describeError(error)}`, { cause: error })
  }
}
