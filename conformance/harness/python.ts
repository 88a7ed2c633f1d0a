import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

import { packageRoot } from '../../lib/version/root.ts'
import { NotInstalled } from './not-run.ts'
import { run } from './processes.ts'
import type { Finished } from './processes.ts'
import type { Scope } from './scope.ts'

/** Debian's own, which has the modules that Debian packages; another Python that comes first in PATH has not. */
const PYTHON = '/usr/bin/python3'

/** Scripts stand beside the cases, in the sources: they are not compiled. */
const CLIENTS = join(packageRoot(), 'conformance/clients')

/**
 * Runs a script below conformance/clients/ with `input` as JSON in its first argument.
 * @throws NotInstalled when Python or a module that the script imports is missing.
 */
export async function runPython(
  scope: Scope,
  script: string,
  input: object,
  options: { timeoutMs?: number; args?: readonly string[] } = {},
): Promise<Finished> {
  await access(PYTHON, constants.X_OK).catch(() => {
    throw new NotInstalled(PYTHON, 'python3')
  })
  // -B: no compiled scripts are left among the sources. Warnings are about the modules' own dependencies.
  const all = ['-B', '-W', 'ignore', join(CLIENTS, script), JSON.stringify(input), ...(options.args ?? [])]
  const result = await run(scope, PYTHON, all, { timeoutMs: options.timeoutMs ?? 60_000 })
  const missing = /No module named '(\w+)'/.exec(result.stderr)?.[1]
  if (missing !== undefined) throw new NotInstalled(`Python's ${missing}`, `python3-${missing}`)
  return result
}
