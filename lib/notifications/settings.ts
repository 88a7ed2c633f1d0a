import type { Config } from '../config/schema.ts'
import type { AllActions } from './hooks.ts'
import { isActive } from './hooks.ts'

export function actionsOf({ sftpd, data_provider }: Pick<Config, 'sftpd' | 'data_provider'>): AllActions {
  return { 'sftpd.actions': sftpd.actions, 'data_provider.actions': data_provider.actions }
}

/**
 * Whether notifications may wait in the data provider. Where neither accounts nor quota are written, nothing is: what
 * stands for the table may be a view.
 */
export function mayStore({ data_provider: { manage_users, track_quota } }: Pick<Config, 'data_provider'>): boolean {
  return manage_users !== 0 || track_quota !== 0
}

/** Whether `initprovider` makes the tables for them. */
export function needsOutbox(config: Pick<Config, 'sftpd' | 'data_provider'>): boolean {
  return mayStore(config) && Object.values(actionsOf(config)).some(isActive)
}
