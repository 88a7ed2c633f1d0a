import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { check, checkFailed, checkSame, checkSucceeded } from '../../harness/check.ts'
import { exists, randomBytes } from '../../harness/files.ts'

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const
const hash = (algorithm: string, data: Buffer): string => createHash(algorithm).update(data).digest('hex')

/** `ssh host COMMAND`. */
export const COMMANDS: readonly Case[] = [
  ...ALGORITHMS.map((algorithm): Case => ({
    name: `ssh: ${algorithm}sum prints what coreutils prints, of files and of standard input`,
    async run(context) {
      const { home, client } = await context.place({ commands: true })
      const [small, big] = [randomBytes(10), randomBytes(3_000_001)]
      await writeFile(join(home, 'a'), small)
      await writeFile(join(home, 'two words'), big)
      const named = await client.command(`${algorithm}sum a 'two words'`)
      checkSucceeded(named)
      checkSame(named.stdout, `${hash(algorithm, small)}  a\n${hash(algorithm, big)}  two words\n`, 'output')
      const typed = await client.command(`${algorithm}sum`, { input: big })
      checkSucceeded(typed)
      checkSame(typed.stdout, `${hash(algorithm, big)}  -\n`, 'output')
    },
  })),
  {
    name: 'ssh: md5sum escapes odd names, and says what it cannot read',
    async run(context) {
      const { home, client } = await context.place({ commands: true })
      const contents = Buffer.from('contents')
      await writeFile(join(home, 'back\\slash'), contents)
      await writeFile(join(home, 'two\nlines'), contents)
      await mkdir(join(home, 'dir'))
      const odd = await client.command(`md5sum 'back\\slash' 'two\nlines'`)
      checkSucceeded(odd)
      const digest = hash('md5', contents)
      checkSame(odd.stdout, `\\${digest}  back\\\\slash\n\\${digest}  two\\nlines\n`, 'output')
      const wrong = await client.command('md5sum missing dir')
      checkFailed(wrong, /md5sum: missing: No such file or directory\nmd5sum: dir: Is a directory/)
      checkSame(wrong.code, 1, 'exit status')
    },
  },
  {
    name: 'ssh: pwd is the root, cd goes nowhere',
    needs: 'virtual accounts',
    async run(context) {
      const { client } = await context.place({ commands: true })
      const pwd = await client.command('pwd')
      checkSucceeded(pwd)
      checkSame(pwd.stdout, '/\n', 'output')
      const cd = await client.command('cd /somewhere')
      checkSucceeded(cd)
      checkSame(cd.stdout, '', 'output')
    },
  },
  {
    name: 'ssh: no command reaches a shell or a program of the host',
    needs: 'virtual accounts',
    async run(context) {
      const { home, client } = await context.place({ commands: true })
      for (const line of ['id', 'sh -c id', '/bin/pwd', 'pwd;touch made', 'rsync --server . .', 'git-upload-pack x']) {
        const { code, stdout } = await client.command(line)
        check(code !== 0 && stdout === '', `${line} ran: ${stdout}`)
      }
      const { stderr } = await client.command('md5sum $(touch made) `touch made` > made; touch made')
      check(stderr.includes('$(touch'), `the words are not taken as they are: ${stderr}`)
      check(!(await exists(join(home, 'made'))), 'a shell was at work')
    },
  },
]
