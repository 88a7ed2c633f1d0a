import type { Accounts } from '../../accounts/accounts.ts'
import { genericReply, jsonReply } from '../replies.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** Strings set at build time, empty when they were not. */
export interface Version {
  version: string
  build_date: string
  commit_hash: string
}

/** What runs, and whether its users can be reached. */
export function statusRoutes(accounts: Accounts, { version, build_date, commit_hash }: Version): Route[] {
  return [
    routeOf(OPERATIONS.getVersion, () => jsonReply(200, { version, build_date, commit_hash })),
    routeOf(OPERATIONS.getProviderStatus, async () => {
      await accounts.checkAvailability()
      return genericReply(200, { message: 'Alive' })
    }),
  ]
}
