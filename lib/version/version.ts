import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from './root.ts'

export interface VersionInfo {
  /** As in package.json. */
  version: string
  /** `git describe` of the build, `''` when unknown. */
  commit: string
  /** `YYYY-MM-DDTHH:MM:SSZ` of the build, `''` when unknown. */
  date: string
}

const packageSchema = z.object({ version: z.string() })
export const buildSchema = z.object({ commit: z.string(), date: z.string() })

/** Where the build leaves its commit and date. */
export const buildFile = (root: string): string => join(root, 'dist', 'build.json')

/** What is running. @throws Error when package.json or an existing dist/build.json is damaged. */
export function versionInfo(root: string = packageRoot()): VersionInfo {
  const { version } = packageSchema.parse(readJson(join(root, 'package.json')))
  const build = buildFile(root)
  return { version, ...(existsSync(build) ? buildSchema.parse(readJson(build)) : { commit: '', date: '' }) }
}

/** `<version>[-<commit>][-<date>]`. */
export function versionText({ version, commit, date }: VersionInfo = versionInfo()): string {
  return [version, commit, date].filter((part) => part !== '').join('-')
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
