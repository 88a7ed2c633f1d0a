import { expectDocumented } from '../../lib/httpd/api/documented.test.support.ts'

export interface Answered {
  status: number
  /** Content type with its parameters. */
  type: string | null
  text: string
  json: unknown
}

/** What the sample client of SFTPGo 0.9.4 sends of a user where no option is given. */
const DEFAULTS = {
  uid: 0,
  gid: 0,
  max_sessions: 0,
  quota_size: 0,
  quota_files: 0,
  upload_bandwidth: 0,
  download_bandwidth: 0,
  status: 1,
  expiration_date: 0,
}

/** Options of `add-user` and `update-user` by their keys; empty ones are not sent. */
export type UserOptions = Partial<typeof DEFAULTS> & {
  password?: string
  public_keys?: string[]
  home_dir?: string
  permissions?: string[]
}

/**
 * Every request of the sample client of SFTPGo 0.9.4, as it puts them on the wire. Each answer is held against the
 * server's own document, too.
 */
export class SampleClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  addUser(username: string, options: UserOptions): Promise<Answered> {
    return this.#send('POST', '/api/v1/user', userOf(0, username, options))
  }
  updateUser(id: number, username: string, options: UserOptions = {}): Promise<Answered> {
    return this.#send('PUT', `/api/v1/user/${id}`, userOf(id, username, options))
  }
  deleteUser(id: number): Promise<Answered> {
    return this.#send('DELETE', `/api/v1/user/${id}`)
  }
  /** All four parameters are always there. */
  getUsers({ limit = 100, offset = 0, order = 'ASC', username = '' } = {}): Promise<Answered> {
    return this.#send('GET', `/api/v1/user?limit=${limit}&offset=${offset}&order=${order}&username=${username}`)
  }
  getUserById(id: number): Promise<Answered> {
    return this.#send('GET', `/api/v1/user/${id}`)
  }
  getConnections(): Promise<Answered> {
    return this.#send('GET', '/api/v1/connection')
  }
  closeConnection(connectionId: string): Promise<Answered> {
    return this.#send('DELETE', `/api/v1/connection/${connectionId}`)
  }
  getQuotaScans(): Promise<Answered> {
    return this.#send('GET', '/api/v1/quota_scan')
  }
  startQuotaScan(username: string): Promise<Answered> {
    return this.#send('POST', '/api/v1/quota_scan', userOf(0, username, {}))
  }
  getVersion(): Promise<Answered> {
    return this.#send('GET', '/api/v1/version')
  }
  getProviderStatus(): Promise<Answered> {
    return this.#send('GET', '/api/v1/providerstatus')
  }

  async #send(method: string, target: string, body?: object): Promise<Answered> {
    const response = await fetch(this.#url + target, {
      method,
      headers: {
        'User-Agent': 'python-requests/2.22.0',
        'Accept-Encoding': 'gzip, deflate',
        Accept: '*/*',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const { status } = response
    const type = response.headers.get('content-type')
    const text = await response.text()
    expectDocumented({ method, target, status, type: type ?? undefined, body: text })
    return { status, type, text, json: JSON.parse(text) as unknown }
  }
}

function userOf(id: number, username: string, options: UserOptions): object {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== '' && value !== undefined))
  return { id, username, ...DEFAULTS, ...given }
}
