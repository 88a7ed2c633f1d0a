import { PERMISSIONS } from '../accounts/user.ts'
import type { Operation } from './operations.test.support.ts'

/** PERMISSIONS.md, with a table of the operations that the walk proves. */
export function permissionsDocument(operations: readonly Operation[]): string {
  const words = PERMISSIONS.filter((word) => word !== '*')
  const surfaces = [...new Set(operations.map(({ surface }) => surface))]
  const tables = surfaces.map((surface) => {
    const rows = operations
      .filter((operation) => operation.surface === surface)
      .map(({ name, needs }) => [name, ...words.map((word) => (needs.includes(word) ? '●' : ''))])
    const lines = [[surface, ...words], ['---', ...words.map(() => ':-:')], ...rows]
    return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  })
  return TEXT.replace('TABLES', tables.join('\n\n'))
}

const TEXT = `# What an account may do

<!-- Written by permissions.walk.test.ts, which tries every row of the tables with and without each permission. -->

Each operation needs the permissions marked in its row, and no others; \`*\` stands for all of them. What an account lacks
is refused before anything is looked at, so a refusal tells nothing of what exists.

TABLES

What is done with an open file needs what opening it needed, and nothing more to read, write, \`FSTAT\`, \`fstatvfs\` or
\`fsync\` it. \`RENAME\` never replaces anything. Without \`list\`, \`REALPATH\` answers with the path itself, normalised: it
does not say what exists or where links lead. With \`setstat_mode\` 1, requests for mode, owner and times succeed for
everybody and change nothing; the size is set as above. Modes are the lower nine bits: setuid, setgid and sticky are never
set for a client.

## By directory

\`permissions\` is a list, which holds for the whole home, or an object of lists by path, \`/\` among them:

\`\`\`json
{
  "permissions": {
    "/": ["list", "download"],
    "/incoming": ["list", "upload", "create_dirs"],
    "/archive/2019": []
  }
}
\`\`\`

- The list of a path, or else of its nearest ancestor that has one, decides: \`/incoming/a/b\` is judged by \`/incoming\`,
  and so is \`/incoming\` itself. An empty list grants nothing. Lists do not add up.
- Paths are absolute, without \`//\`, \`.\`, \`..\` or a slash at the end; there may be 100, in 65,535 bytes of JSON. Upper
  and lower case differ: on a file system that ignores case, lists keep nobody out.
- \`STAT\` and \`LSTAT\` of a directory with a list of its own need \`list\` there or in the directory that holds it, where
  its name and attributes are listed anyway.
- Where a path leads through symbolic links, the operation must be permitted on the path as it was asked for and at every
  place that links lead through or to. This is judged by where the opened directories really are, so nothing is won by
  swapping a link meanwhile. A link into a directory without permissions tells nothing of what is there.
- A directory that has a list of its own, or has one somewhere below it, is neither renamed nor removed, nor replaced by
  a rename, whatever is granted: its contents would come under another list.
- \`rename\` is needed at both ends of a rename, \`overwrite\` at the new one. A hard link needs \`download\` at the old
  and \`upload\` at the new path. Neither may lead to where more is granted than at the old path: what may not be read or
  changed in one directory must not become so by moving it to another. Copying it is possible for whom reading it is.
- What a handle was opened for stays possible with it. Attributes are changed through it as by the path it was opened by.
`
