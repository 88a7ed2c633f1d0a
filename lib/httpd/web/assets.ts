import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { HttpError } from '../errors.ts'
import type { Reply } from '../replies.ts'
import type { Route, RouteRequest } from '../router.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.yaml': 'application/yaml; charset=utf-8',
  '.woff2': 'font/woff2',
}

/**
 * The files of a folder under `/static/`. Their names are read once: a path is looked up among them and leads nowhere
 * else. Folders are not listed, names that begin with a dot are not served.
 * @throws Error of one line when the folder cannot be read.
 */
export function assetRoutes(folder: string): Route[] {
  const names = new Set(filesOf(folder))

  async function serve({ params, headers }: RouteRequest): Promise<Reply> {
    const name = params['*'] ?? ''
    if (!names.has(name)) throw new HttpError(404, `there is no file ${JSON.stringify(name)}`, 'Not Found')
    let body: Buffer
    try {
      body = await readFile(join(folder, name))
    } catch (error) {
      throw new HttpError(404, 'the file cannot be read any more', 'Not Found', { cause: error })
    }
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    // Kept by the browser, but asked for each time: an upgrade is seen at once.
    const caching = { ETag: etag, 'Cache-Control': 'no-cache' }
    if (headers['if-none-match']?.includes(etag)) return { status: 304, headers: caching, body: '' }
    const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream'
    return { status: 200, headers: { ...caching, 'Content-Type': type }, body }
  }

  return (['GET', 'HEAD'] as const).map((method) => ({ method, path: '/static/*', handle: serve }))
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replace(/^\/+/, ''))
      .filter((name) => !name.split('/').some((part) => part.startsWith('.')))
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Error(`httpd.static_files_path: ${folder} cannot be read (${reason})`, { cause: error })
  }
}
