import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The directory of the package's package.json, the same whether sources or the build in dist/ run.
 * @throws Error when this file stands outside of any package.
 */
export function packageRoot(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory
    if (directory === dirname(directory)) throw new Error(`no package.json above ${import.meta.dirname}`)
  }
}
