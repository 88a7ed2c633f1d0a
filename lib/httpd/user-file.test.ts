import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FakeClock, FakeLog } from './fakes.test.support.ts'
import { BCRYPT, SHA256, SHA512 } from './sample-users.test.support.ts'
import { FRESH_MS, openUserFile, parseUserFile } from './user-file.ts'

const TAIL = BCRYPT.slice('$2y$05$'.length)

describe('the text of a file', () => {
  test('is a line a user, blank lines and comments left out, by whatever system it was written', () => {
    const text = `# made by htpasswd\r\nalice:${BCRYPT}\r\n\r\n  \nbob smith:${SHA256}\nÜlrich@example.com:${SHA512}`
    expect([...parseUserFile(text, '/etc/users')]).toEqual([
      ['alice', BCRYPT],
      ['bob smith', SHA256],
      ['Ülrich@example.com', SHA512],
    ])
  })

  test.each<[string, string]>([
    ['alice', 'want name:hash'],
    [`:${BCRYPT}`, 'the name before the colon is empty or has control characters'],
    [`a\tb:${BCRYPT}`, 'the name before the colon is empty or has control characters'],
    [`bob:${BCRYPT}`, '"bob" has a line already'],
    ['alice:', 'want a bcrypt, sha256crypt or sha512crypt hash, as htpasswd -B, -2 or -5 makes'],
    ['alice:plainSecret', 'want a bcrypt, sha256crypt or sha512crypt hash, as htpasswd -B, -2 or -5 makes'],
    ['alice:$apr1$salt$secret', 'want a bcrypt, sha256crypt or sha512crypt hash, as htpasswd -B, -2 or -5 makes'],
    ['alice:{SHA}secret', 'want a bcrypt, sha256crypt or sha512crypt hash, as htpasswd -B, -2 or -5 makes'],
    [`alice:$2y$17$${TAIL}`, 'the hash cannot be checked, want $2y$<cost>$<22 characters of salt><31 of hash>'],
    [`alice:${BCRYPT}x`, 'the hash cannot be checked'],
    [`alice:${BCRYPT} `, 'the hash cannot be checked'],
    ['alice:$6$rounds=999999999$salt$secret', 'the hash cannot be checked'],
  ])('%j is refused by file and line, and its hash is not shown', (line, problem) => {
    const parse = () => parseUserFile(`bob:${BCRYPT}\n${line}\n`, '/etc/users')
    expect(parse).toThrow(`httpd.auth_user_file: /etc/users line 2: ${problem}`)
    expect(parse).not.toThrow(/secret|\n/i)
    expect(parse).not.toThrow(TAIL)
  })

  test.each(['', '\n', '# nobody\n'])('%j has nobody who could log in', (text) => {
    expect(() => parseUserFile(text, 'users')).toThrow('httpd.auth_user_file: users has no users: nobody could log in')
  })
})

describe('a file', () => {
  function planted(text: string) {
    const folder = mkdtempSync(path.join(tmpdir(), 'sftpgo-users-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = path.join(folder, 'users')
    writeFileSync(file, text)
    const clock = new FakeClock()
    const log = new FakeLog()
    /** As htpasswd does: another file in the place of the old one. */
    const replace = (content: string | Buffer): void => {
      writeFileSync(`${file}.new`, content)
      renameSync(`${file}.new`, file)
    }
    return { file, clock, log, replace, open: () => openUserFile(file, { clock, log }) }
  }

  test('that changes is read anew', async () => {
    const { clock, log, replace, open, file } = planted(`alice:${BCRYPT}\n`)
    const userFile = await open()
    replace(`bob:${BCRYPT}\n`)
    expect([...(await userFile.users()).keys()]).toEqual(['alice'])
    clock.advance(FRESH_MS)
    const both = await Promise.all([userFile.users(), userFile.users()])
    expect(both.map((users) => [...users.keys()])).toEqual([['bob'], ['bob']])
    expect(log.messages).toEqual([`httpd info ${file} has changed: 1 users may log in`])
  })

  test('that becomes unusable leaves the users as they were, says so once, and may be mended', async () => {
    const { clock, log, replace, open, file } = planted(`alice:${BCRYPT}\n`)
    const userFile = await open()
    const names = async () => {
      clock.advance(FRESH_MS)
      return [...(await userFile.users()).keys()]
    }
    replace('alice:secret\n')
    expect(await names()).toEqual(['alice'])
    expect(await names()).toEqual(['alice'])
    rmSync(file)
    expect(await names()).toEqual(['alice'])
    expect(await names()).toEqual(['alice'])
    expect(log.messages).toEqual(Array.from({ length: 2 }, () => 'httpd error the users stay as they were'))
    replace(`bob:${BCRYPT}\n`)
    expect(await names()).toEqual(['bob'])
  })

  test.each<[string, (planted: { file: string; replace: (content: string | Buffer) => void }) => void, RegExp]>([
    ['is missing', ({ file }) => rmSync(file), /^httpd\.auth_user_file: .*users cannot be read \(ENOENT\)$/],
    ['is not UTF-8', ({ replace }) => replace(Buffer.from([0xff])), /^httpd\.auth_user_file: .*users is not UTF-8$/],
    [
      'is too long',
      ({ replace }) => replace('#'.repeat(1024 * 1024 + 1)),
      /^httpd\.auth_user_file: .*users has 1048577 bytes, want up to 1048576$/,
    ],
  ])('that %s stops the start', async (_, spoil, message) => {
    const made = planted(`alice:${BCRYPT}\n`)
    spoil(made)
    await expect(made.open()).rejects.toThrow(message)
  })
})
