import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Eta } from 'eta'

const TEMPLATES = [
  'api',
  'base',
  'confirm',
  'connection',
  'connections',
  'message',
  'scans',
  'status',
  'transfer',
  'user',
  'users',
] as const
export type Template = (typeof TEMPLATES)[number]

/** Fills a template with plain data; text is escaped unless the template says otherwise. */
export type Render = (template: Template, data: object) => string

export interface ViewFolders {
  /** What the configuration names, absolute. */
  configured: string
  /** Taken in its place when it is not there; undefined when the configuration names one of its own. */
  shipped?: string | undefined
}

/** Which of the folders is used. */
export function chosenFolder({ configured, shipped }: ViewFolders): string {
  return shipped !== undefined && !existsSync(configured) ? shipped : configured
}

/**
 * Every template is read and compiled here, none later.
 * @throws Error of one line for a template that is missing or malformed.
 */
export function loadViews(folders: ViewFolders): Render {
  const views = chosenFolder(folders)
  const missing = TEMPLATES.filter((name) => !existsSync(join(views, `${name}.eta`))).map((name) => `${name}.eta`)
  if (missing.length > 0) {
    throw new Error(
      `httpd.templates_path: ${views} lacks ${missing.join(', ')}; templates of SFTPGo itself cannot be used here`,
    )
  }
  // Names behind an @ are those of templates that were loaded: rendering reads no file.
  const eta = new Eta({ autoTrim: false })
  for (const name of TEMPLATES) {
    try {
      eta.loadTemplate(`@${name}`, readFileSync(join(views, `${name}.eta`), 'utf8'))
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
      throw new Error(`httpd.templates_path: ${join(views, name)}.eta is malformed: ${reason}`, { cause: error })
    }
  }
  return (template, data) => eta.render(`@${template}`, data)
}
