import { inspect } from 'node:util'
import type { Accounts } from '../../accounts/accounts.ts'
import { AccountError } from '../../accounts/accounts.ts'
import type { User } from '../../accounts/user.ts'
import type { Clock } from '../../clock.ts'
import type { Connections } from '../../connections/connections.ts'
import type { Throughput } from '../../connections/throughput.ts'
import type { Bans } from '../../defender/defender.ts'
import type { Log } from '../../logging/log.ts'
import type { QuotaScans, ScanStart } from '../../quota-scans/quota-scans.ts'
import type { Csrf } from '../csrf.ts'
import { HttpError, refusalOf } from '../errors.ts'
import { openApi } from '../api/openapi.ts'
import { parseInt64 } from '../api/list-query.ts'
import { htmlReply, redirectReply, type Reply } from '../replies.ts'
import type { Route, RouteRequest } from '../router.ts'
import { apiPage } from './api-page.ts'
import { connectionsPage, connectionsState } from './connections-page.ts'
import { Live } from './live.ts'
import { noticeOf, type NoticeKey } from './notices.ts'
import type { FailedLogins } from './ports.ts'
import { scansState } from './scans-page.ts'
import { visible } from './show.ts'
import { statusPage } from './status-page.ts'
import {
  cloneOf,
  draftOf,
  emptyDraft,
  fieldOfRefusal,
  inputOf,
  readDraft,
  userPage,
  type FormErrors,
  type UserPage,
} from './user-form.ts'
import { pageWithin, readUsersQuery, usersPage } from './users-page.ts'
import type { Render, Template } from './views.ts'

export interface WebOptions {
  accounts: Accounts
  connections: Connections
  bans: Bans
  throughput: Throughput
  csrf: Csrf
  render: Render
  version: string
  /** The data provider's name. */
  driver: string
  /** `SFTP on 0.0.0.0:2022`, asked for when the page is. */
  listeners: () => readonly string[]
  /** Absent: no scan can be started here. */
  scans?: Pick<QuotaScans, 'start' | 'list'>
  failedLogins?: FailedLogins
  clock: Clock
  log: Log
}

const FORM = 'application/x-www-form-urlencoded'
const STALE = 'This form was open for too long, or the server was restarted. Nothing was changed; send it again.'

/** In place of the words of a database. */
const UNAVAILABLE = 'The data provider cannot do this now. The log of the server says why.'

type Section = 'users' | 'connections' | 'scans' | 'status' | 'api' | ''

/** The pages for administrators. Every change is a POST of a form with a token; GET changes nothing. */
export function webRoutes(options: WebOptions): Route[] {
  const { accounts, connections, bans, csrf, render, scans, clock, log } = options
  const startedMs = clock.monotonic()
  const docs = apiPage(openApi())
  const liveConnections = new Live(clock, () => connectionsState(connections.list()))
  const liveScans = new Live(clock, () => scansState(scans?.list() ?? []))

  interface Look {
    title: string
    section: Section
    status?: number
  }

  /** @param request whose user the tokens of its forms are for. */
  function show(
    request: RouteRequest,
    template: Template,
    data: object,
    { title, section, status = 200 }: Look,
  ): Reply {
    const notice = status === 200 ? noticeOf(request.query) : undefined
    const frame = {
      title,
      section,
      notice,
      token: csrf.token(request.user),
      version: options.version,
      scans: scans !== undefined,
      user: visible(request.user ?? ''),
    }
    return htmlReply(status, render(template, { ...data, ...frame }))
  }

  function message(request: RouteRequest, status: number, text: string): Reply {
    const titles: Readonly<Record<number, string>> = {
      400: 'Bad request',
      403: 'Not allowed',
      404: 'Not found',
      409: 'Conflict',
      413: 'Too long',
      503: 'Busy',
    }
    const title = titles[status] ?? 'Internal server error'
    return show(request, 'message', { text: visible(text) }, { title, section: '', status })
  }

  /** Errors as pages. */
  function page(handle: Route['handle']): Route['handle'] {
    return async (request) => {
      try {
        return await handle(request)
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal === undefined) {
          log.app('httpd', 'error', `${request.method} ${JSON.stringify(request.path)} met a bug: ${inspect(error)}`)
          return message(request, 500, 'Something went wrong here. The log of the server says what.')
        }
        if (refusal.status === 500) {
          log.app('httpd', 'error', 'a page cannot be shown', { error })
          return message(request, 500, UNAVAILABLE)
        }
        return message(request, refusal.status, refusal.message)
      }
    }
  }

  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, handle: page(handle) })

  function post(path: string, handle: (request: RouteRequest, form: URLSearchParams) => Promise<Reply>): Route {
    return {
      method: 'POST',
      path,
      accepts: [FORM],
      handle: page(async (request) => {
        const form = await readForm(request)
        if (!hasToken(request, form)) throw new HttpError(403, STALE)
        return handle(request, form)
      }),
    }
  }

  function hasToken(request: RouteRequest, form: URLSearchParams): boolean {
    return csrf.valid(form.get('csrf_token') ?? '', request.user)
  }

  /** Where scripts do not ask, a page does. */
  function confirmed(
    request: RouteRequest,
    form: URLSearchParams,
    {
      title,
      text,
      button,
      back,
      section,
    }: { title: string; text: string; button: string; back: string; section: Section },
  ): Reply | undefined {
    if (form.get('confirmed') === '1') return undefined
    const kept = [...form].filter(([name]) => name !== 'csrf_token' && name !== 'confirmed')
    const fields = kept.map(([name, value]) => ({ name, value }))
    return show(request, 'confirm', { action: request.path, text, button, back, fields }, { title, section })
  }

  function showUser(request: RouteRequest, view: UserPage, status = 200): Reply {
    const title = view.user === undefined ? 'Add a new user' : 'Update user'
    return show(request, 'user', userPage(view), { title, section: 'users', status })
  }

  /** @returns the page with what is wrong, or undefined once it is stored. */
  async function save(request: RouteRequest, form: URLSearchParams, user?: User): Promise<Reply | undefined> {
    const draft = readDraft(form)
    const view = { draft, ...(user !== undefined && { user: { ...user } }) }
    if (!hasToken(request, form)) return showUser(request, { ...view, errors: { form: STALE } }, 403)
    const { input, errors } = inputOf(draft, form.get('password') ?? '', user)
    if (Object.keys(errors).length > 0) return showUser(request, { ...view, errors })
    try {
      await (user === undefined ? accounts.add(input) : accounts.update(user.id, input))
      return undefined
    } catch (error) {
      if (!(error instanceof AccountError) || error.kind === 'not-found') throw error
      if (error.kind === 'unavailable') {
        log.app('httpd', 'error', 'a user cannot be stored', { error })
        return showUser(request, { ...view, errors: { form: UNAVAILABLE } })
      }
      const { field, text } = fieldOfRefusal(error.message)
      const found: FormErrors = { [field]: text }
      return showUser(request, { ...view, errors: found })
    }
  }

  return [
    ...['/', '/web'].map((path): Route => ({ method: 'GET', path, handle: () => moved('/web/users') })),

    get('/web/users', async (request) => {
      const query = readUsersQuery(request.query)
      const total = await accounts.count({ search: query.search })
      const within = { ...query, page: pageWithin(query, total) }
      const { search, sort, order, page: at, pageSize } = within
      const users = await accounts.list({ search, sort, order, limit: pageSize, offset: (at - 1) * pageSize })
      const data = usersPage(within, users, total, clock.now())
      return show(request, 'users', data, { title: 'Users', section: 'users' })
    }),

    get('/web/user', async (request) => {
      const from = request.query.get('clone')
      if (from === null) return showUser(request, { draft: emptyDraft(), errors: {} })
      const cloned = await accounts.get(userId(from))
      return showUser(request, { draft: cloneOf(cloned), errors: {}, cloned })
    }),
    {
      method: 'POST',
      path: '/web/user',
      accepts: [FORM],
      handle: page(async (request) => (await save(request, await readForm(request))) ?? done('/web/users', 'added')),
    },
    get('/web/user/:id', async (request) => {
      const user = await accounts.get(userId(request.params['id']))
      return showUser(request, { draft: draftOf(user), errors: {}, user })
    }),
    {
      method: 'POST',
      path: '/web/user/:id',
      accepts: [FORM],
      handle: page(async (request) => {
        const user = await accounts.get(userId(request.params['id']))
        return (await save(request, await readForm(request), user)) ?? done('/web/users', 'updated')
      }),
    },
    post('/web/user/:id/status', async (request, form) => {
      const status = form.get('status')
      if (status !== '0' && status !== '1') throw new HttpError(400, 'status must be 0 or 1')
      await accounts.update(userId(request.params['id']), { status: Number(status) })
      return done('/web/users', status === '1' ? 'enabled' : 'disabled')
    }),
    post('/web/user/:id/delete', async (request, form) => {
      const user = await accounts.get(userId(request.params['id']))
      const ask = confirmed(request, form, {
        title: 'Delete user',
        text: `Delete the account ${visible(user.username)}? Its open sessions end. Its files stay in ${visible(user.home_dir)}.`,
        button: 'Delete',
        back: '/web/users',
        section: 'users',
      })
      if (ask !== undefined) return ask
      await accounts.remove(user.id)
      return done('/web/users', 'deleted')
    }),

    get('/web/connections', (request) => {
      const data = connectionsPage(connections.list(), clock.now())
      return show(request, 'connections', data, { title: 'Connections', section: 'connections' })
    }),
    { method: 'GET', path: '/web/connections/events', handle: () => liveConnections.open() },
    post('/web/connections/close', async (request, form) => {
      const id = form.get('connection_id') ?? ''
      const one = connections.list().find(({ connectionId }) => connectionId === id)
      if (one === undefined) return done('/web/connections', 'gone')
      const ask = confirmed(request, form, {
        title: 'Disconnect',
        text: `Disconnect ${visible(one.username)}, ${visible(one.remoteAddress)}? Transfers that are under way fail.`,
        button: 'Disconnect',
        back: '/web/connections',
        section: 'connections',
      })
      if (ask !== undefined) return ask
      return done('/web/connections', connections.close(id) ? 'closed' : 'gone')
    }),

    get('/web/status', async (request) => {
      const alive = await accounts.checkAvailability().then(
        () => true,
        () => false,
      )
      const data = statusPage({
        version: options.version,
        nowMs: clock.now(),
        upMs: clock.monotonic() - startedMs,
        provider: { driver: options.driver, alive },
        listeners: options.listeners(),
        connections: connections.size,
        users: alive ? await accounts.count({}) : undefined,
        samples: options.throughput.samples(),
        failedLogins: options.failedLogins?.recentFailedLogins(),
        bans: await bans.list(),
      })
      return show(request, 'status', data, { title: 'Status', section: 'status' })
    }),
    post('/web/status/unban', async (_, form) => {
      const lifted = await bans.remove(form.get('address') ?? '')
      return done('/web/status', lifted ? 'unbanned' : 'unbanned-before')
    }),

    ...(scans === undefined
      ? []
      : [
          get('/web/scans', (request) => {
            const data = { ...scansState(scans.list()), nowMs: clock.now() }
            return show(request, 'scans', data, { title: 'Quota scans', section: 'scans' })
          }),
          { method: 'GET', path: '/web/scans/events', handle: () => liveScans.open() } satisfies Route,
          post('/web/user/:id/scan', async (request) => {
            const { username } = await accounts.get(userId(request.params['id']))
            return scanStarted(await scans.start(username), username)
          }),
          post('/web/scans/start', async (_, form) => {
            const username = form.get('username') ?? ''
            if (username === '') throw new HttpError(400, 'Enter the username whose home shall be scanned.')
            return scanStarted(await scans.start(username), username)
          }),
        ]),

    get('/api/v1/docs', (request) => show(request, 'api', docs, { title: 'REST API', section: 'api' })),

    get('/web/*', (request) => message(request, 404, 'There is no such page.')),
  ]
}

function moved(path: '/web/users'): Reply {
  return { ...redirectReply(path), status: 301 }
}

function done(path: '/web/users' | '/web/connections' | '/web/status' | '/web/scans', notice: NoticeKey): Reply {
  return redirectReply(`${path}?done=${notice}`)
}

function scanStarted(outcome: ScanStart, username: string): Reply {
  if (outcome === 'started') return done('/web/scans', 'scan-started')
  if (outcome === 'running') return done('/web/scans', 'scan-busy')
  if (outcome === 'unknown user') throw new HttpError(404, `There is no user ${username}.`)
  if (outcome === 'stopping') throw new HttpError(503, 'The server is about to stop.')
  throw new HttpError(403, 'Used quota is not stored here: track_quota or manage_users is 0 in the configuration.')
}

/** @throws HttpError 400 when it is no integer, 404 when it is one that no provider hands out. */
function userId(text = ''): number {
  const value = parseInt64(text)
  if (value === undefined) throw new HttpError(400, 'The id of a user is an integer.')
  const id = Number(value)
  if (!Number.isSafeInteger(id)) throw new HttpError(404, `No user has the id ${value}.`)
  return id
}

async function readForm(request: RouteRequest): Promise<URLSearchParams> {
  return new URLSearchParams((await request.body()).toString('utf8'))
}
