import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { checkSame } from '../../harness/check.ts'

interface Exchange {
  /** What the program asks the server to run. */
  line: string
  /** All that it sends, one character a byte. */
  input?: string
  /** All that it must be sent. */
  output: string
  exit?: number
}

const CONTENTS = 'contents'
const MD5 = createHash('md5').update(CONTENTS).digest('hex')
const SHA1 = createHash('sha1').update(CONTENTS).digest('hex')

/** What graphical clients say, as they say it: the form of their quotes and flags, and the order of their words. */
const PROGRAMS: readonly { name: string; exchanges: readonly Exchange[] }[] = [
  {
    name: 'WinSCP: the starting directory, checksums, and its way to store and fetch',
    exchanges: [
      { line: 'pwd', output: '/\n' },
      { line: 'cd "/"', output: '' },
      { line: 'md5sum "/a file"', output: `${MD5}  /a file\n` },
      { line: 'sha1sum "/a file"', output: `${SHA1}  /a file\n` },
      {
        line: 'scp -r -p -d -t "/"',
        input: `T1400000000 0 1000000000 0\nC0644 8 up file\n${CONTENTS}\0`,
        output: '\0\0\0\0',
      },
      {
        line: 'scp -r -p -f "/up file"',
        input: '\0\0\0\0',
        output: 'T1400000000 0 1000000000 0\nC0644 8 up file\ncontents\0',
      },
      {
        line: 'scp -r -p -d -t "/"',
        input: 'T1400000000 0 1000000000 0\nD0755 0 new dir\nT1400000000 0 1000000000 0\nC0600 0 in it\n\0E\n',
        output: '\0'.repeat(7),
      },
      { line: 'md5sum "/new dir/in it"', output: 'd41d8cd98f00b204e9800998ecf8427e  /new dir/in it\n' },
    ],
  },
  {
    name: 'FileZilla and PuTTY: flags apart, -v among them, and paths as they are typed',
    exchanges: [
      { line: 'pwd', output: '/\n' },
      { line: 'cd /', output: '' },
      { line: 'scp -v -t up', input: `C0644 8 up\n${CONTENTS}\0`, output: '\0\0\0' },
      { line: 'scp -v -f up', input: '\0\0\0', output: `C0644 8 up\n${CONTENTS}\0` },
      { line: 'scp -v -r -t .', input: 'D0755 0 d\nC0644 0 e\n\0E\n', output: '\0'.repeat(5) },
      { line: 'scp -v -r -f d', input: '\0'.repeat(6), output: 'D0755 0 d\nC0644 0 e\n\0E\n' },
      { line: 'scp -v -f missing', input: '\0', output: '\x01scp: /missing: No such file or directory\n', exit: 1 },
    ],
  },
]

export const REPLAYED: readonly Case[] = PROGRAMS.map(({ name, exchanges }) => ({
  name: `replayed: ${name}`,
  // The paths are those of an account whose root is its home.
  needs: 'virtual accounts',
  async run(context) {
    const { home, client } = await context.place({ commands: true })
    await writeFile(join(home, 'a file'), CONTENTS)
    for (const { line, input = '', output, exit = 0 } of exchanges) {
      const { code, stdout } = await client.command(line, { input: Buffer.from(input, 'latin1') })
      checkSame({ line, code, stdout }, { line, code: exit, stdout: output }, 'the exchange')
    }
    checkSame(await readFile(join(home, 'a file'), 'utf8'), CONTENTS, 'what was only looked at')
  },
}))
