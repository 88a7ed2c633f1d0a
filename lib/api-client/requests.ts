import type { ApiRequest } from './client.ts'

/** What may be set of an account, by the names of the API; a key that is absent is not sent. */
export interface UserFields {
  username?: string
  status?: number
  /** Milliseconds since the epoch, 0 for none. */
  expiration_date?: number
  password?: string
  public_keys?: string[]
  home_dir?: string
  uid?: number
  gid?: number
  max_sessions?: number
  quota_size?: number
  quota_files?: number
  permissions?: string[] | Record<string, string[]>
  upload_bandwidth?: number
  download_bandwidth?: number
}

export interface Page {
  limit: number
  offset: number
  order: string
  /** `''` for all. */
  username: string
}

const API = 'api/v1'

/** Every call of the API. One row is its whole definition. */
export const REQUESTS = {
  // SFTPGo 0.9.4 makes an inactive account where `status` is left out.
  addUser: (fields: UserFields): ApiRequest => ({
    method: 'POST',
    path: `${API}/user`,
    body: { status: 1, ...fields },
  }),
  // What is absent stays as it is.
  updateUser: (id: string, fields: UserFields): ApiRequest => ({
    method: 'PUT',
    path: `${API}/user/${segment(id)}`,
    body: { id: Number(id), ...fields },
  }),
  deleteUser: (id: string): ApiRequest => ({ method: 'DELETE', path: `${API}/user/${segment(id)}` }),
  getUsers: ({ limit, offset, order, username }: Page): ApiRequest => ({
    method: 'GET',
    path: `${API}/user`,
    query: { limit: String(limit), offset: String(offset), order, username },
  }),
  getUser: (id: string): ApiRequest => ({ method: 'GET', path: `${API}/user/${segment(id)}` }),
  getConnections: (): ApiRequest => ({ method: 'GET', path: `${API}/connection` }),
  closeConnection: (id: string): ApiRequest => ({
    method: 'DELETE',
    path: `${API}/connection/${segment(id)}`,
  }),
  getQuotaScans: (): ApiRequest => ({ method: 'GET', path: `${API}/quota_scan` }),
  startQuotaScan: (username: string): ApiRequest => ({
    method: 'POST',
    path: `${API}/quota_scan`,
    body: { username },
  }),
  getVersion: (): ApiRequest => ({ method: 'GET', path: `${API}/version` }),
  getProviderStatus: (): ApiRequest => ({ method: 'GET', path: `${API}/providerstatus` }),
  dumpData: (): ApiRequest => ({ method: 'GET', path: `${API}/dumpdata` }),
  loadData: (dump: unknown): ApiRequest => ({ method: 'POST', path: `${API}/loaddata`, body: dump }),
  getBans: (): ApiRequest => ({ method: 'GET', path: `${API}/defender/bans` }),
  deleteBan: (address: string): ApiRequest => ({
    method: 'DELETE',
    path: `${API}/defender/bans/${segment(address)}`,
  }),
} as const

/** @throws RangeError for what would name another resource than one below its collection. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..') throw new RangeError(`"${text}" names nothing`)
  return encodeURIComponent(text)
}
