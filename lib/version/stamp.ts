import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../clock.ts'
import { packageRoot } from './root.ts'
import { buildFile } from './version.ts'

/** Writes dist/build.json. @param nowMs since the epoch. */
export function writeStamp(root: string, nowMs: number): void {
  const date = `${new Date(nowMs).toISOString().slice(0, 19)}Z`
  mkdirSync(dirname(buildFile(root)), { recursive: true })
  writeFileSync(buildFile(root), `${JSON.stringify({ commit: describeCommit(root), date })}\n`)
}

/** `git describe` of the checkout, `''` without git or outside of a checkout. */
function describeCommit(root: string): string {
  // Sources unpacked somewhere inside another checkout must not take that one's commit.
  if (!existsSync(join(root, '.git'))) return ''
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    // A build without git is a good build: it only cannot name its commit.
    return ''
  }
}

const script = process.argv[1]
if (script !== undefined && existsSync(script) && realpathSync(script) === fileURLToPath(import.meta.url))
  writeStamp(packageRoot(), systemClock.now())
