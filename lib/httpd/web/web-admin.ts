import { join } from 'node:path'
import { resolveIn } from '../../config/load.ts'
import { packageRoot } from '../../version/root.ts'
import type { Route } from '../router.ts'
import { assetRoutes } from './assets.ts'
import { chosenFolder, loadViews, type ViewFolders } from './views.ts'
import { webRoutes, type WebOptions } from './web.ts'

export interface WebFolders {
  templates_path: string
  static_files_path: string
}

/** What the schema puts there when nothing is configured. */
const DEFAULTS: Readonly<WebFolders> = { templates_path: 'templates', static_files_path: 'static' }

/**
 * The pages and the files that they need.
 * @throws Error of one line when a template is missing or malformed, or the static files cannot be read.
 */
export function webAdmin(
  settings: Readonly<WebFolders>,
  { configDir, ...options }: Omit<WebOptions, 'render'> & { configDir: string },
): Route[] {
  /** What comes with the package stands in for folders that nobody has configured or made. */
  const folders = (key: keyof WebFolders): ViewFolders => ({
    configured: resolveIn(configDir, settings[key]),
    shipped: settings[key] === DEFAULTS[key] ? join(packageRoot(), DEFAULTS[key]) : undefined,
  })
  const render = loadViews(folders('templates_path'))
  return [...webRoutes({ ...options, render }), ...assetRoutes(chosenFolder(folders('static_files_path')))]
}
