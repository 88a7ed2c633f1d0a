import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPasswords } from '../accounts/passwords.ts'
import type { Entry } from './account.ts'
import { convertUsers } from './convert.ts'
import type { ConvertOptions } from './convert.ts'
import { readProftpd } from './proftpd.ts'
import { readPureFtpd } from './pure-ftpd.ts'
import { readUnixPasswd } from './unix-passwd.ts'

// All of the password "secret".
const SHA512 = '$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1'
const SHA256 = '$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA'
const MD5 = '$1$saltsalt$9xy1btjgzLYfb7hivXtC//'
const YESCRYPT = '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'
// As pure-pw 1.0.50 writes it.
const ARGON2ID = '$argon2id$v=19$m=8192,t=255,p=1$VK6VoWkAwv/L8TLRHXgd7g$1NtcdPhmY6TtUU2AcRqDcl1CqvTZ0qsQXU0roKG2Qoc'

const EVERYBODY: ConvertOptions = { usernames: [] }
const bytes = (...lines: string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''))
const names = (entries: Entry[], options = EVERYBODY) =>
  convertUsers(entries, options).users.map((user) => user.username)

describe('unix-passwd', () => {
  const passwd = bytes(
    'root:x:0:0:root:/root:/bin/bash',
    '# a comment, then a blank line',
    '',
    'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
    'alice:x:1000:1001:Alice,,,:/home/alice:/bin/bash',
    'bob:x:1001:1001::/home/bob:/bin/sh',
    'carol:x:1002:1002::/home/carol:/bin/sh',
    'dave:x:1003:1003::/home/dave:/bin/sh',
    `erin:${SHA256}:1004:1004::/home/erin:/bin/sh`,
    'frank:x:1005:1005::/home/frank:/bin/sh',
    'grace:x:1006:1006::/home/grace:/bin/sh',
    'heidi:x:100000:1007::/home/heidi:/bin/sh',
    '+::::::',
    'ivan:x:1008:1008::home/ivan:/bin/sh',
    'judy:x:many:1009::/home/judy:/bin/sh',
    'bob:x:1010:1010::/home/other:/bin/sh',
    'short:x:1011',
    'mallory:x:1012:1012::/:/bin/sh',
    'nobody:x:65534:65534::/nonexistent:/bin/sh',
  )
  const shadow = bytes(
    `root:${SHA512}:19000:0:99999:7:::`,
    'daemon:*:19000:0:99999:7:::',
    `alice:${SHA512}:19000:0:99999:7::20000:`,
    `bob:!${SHA512}:0:0:90:7:::`,
    `carol:${YESCRYPT}:19000:0:99999:7:::`,
    `dave:${MD5}:19000:0:99999:7:::`,
    `frank:${SHA512}:19000:0:99999:7::0:`,
    'grace::19000:0:99999:7:::',
    `heidi:${SHA512}:19000:0:99999:7:::`,
    `ivan:${SHA512}:19000:0:99999:7:::`,
    `judy:${SHA512}:19000:0:99999:7:::`,
    `mallory:${SHA512}:19000:0:99999:7::99999:`,
    'nobody:!!:19000:0:99999:7:::',
    `alice:${MD5}:19000:0:99999:7:::`,
  )
  const entries = readUnixPasswd(passwd, shadow)

  test('takes who can log in, and says what became of all the others', () => {
    const { users, notes, leftOut, notAsked } = convertUsers(entries, EVERYBODY)
    expect(users.map(({ username, status }) => [username, status])).toEqual([
      ['root', 1],
      ['alice', 1],
      ['bob', 0],
      ['erin', 1],
      ['frank', 0],
      ['mallory', 1],
    ])
    expect([leftOut, notAsked]).toEqual([11, 0])
    expect(notes).toEqual([
      "line 1, root: uid 0 means here that the server's own account owns its files",
      'line 4, daemon: left out, nobody can log in with a password',
      'line 6, bob: that its password must be changed at the next login is not carried over',
      'line 6, bob: the age its password may reach is not carried over',
      'line 6, bob: it is locked: inactive',
      'line 7, carol: left out, its hash is yescrypt ($y$), which cannot be checked: it needs a new password',
      'line 8, dave: left out, its hash is MD5 ($1$), which cannot be checked: it needs a new password',
      'line 10, frank: it expired on day 0: inactive',
      'line 11, grace: left out, it has no password',
      'line 12, heidi: left out, its uid 100000 is above 65535: --force-uid gives it another',
      'line 13, +: left out, it stands for accounts of a directory service, which are not in the file',
      'line 14, ivan: left out, its home directory is no absolute path',
      'line 15, judy: left out, its uid is no number',
      'line 16, bob: left out, the name was there before',
      'line 17, short: left out, the line has 3 fields, want at least 7',
      'line 18, mallory: its home directory is /, so it sees everything',
      'line 19, nobody: left out, nobody can log in with a password',
    ])
  })

  test('a whole account, its expiry in milliseconds', () => {
    expect(convertUsers(entries, { usernames: ['alice'] }).users).toEqual([
      {
        id: 1,
        status: 1,
        username: 'alice',
        expiration_date: Date.UTC(2024, 9, 4),
        password: SHA512,
        home_dir: '/home/alice',
        uid: 1000,
        gid: 1001,
        max_sessions: 0,
        quota_size: 0,
        quota_files: 0,
        permissions: ['*'],
        upload_bandwidth: 0,
        download_bandwidth: 0,
      },
    ])
  })

  test.each<{ options: Partial<ConvertOptions>; taken: string[] }>([
    { options: { minUid: 1000 }, taken: ['alice', 'bob', 'erin', 'frank', 'mallory'] },
    { options: { minUid: 1001, maxUid: 1004 }, taken: ['bob', 'erin'] },
    { options: { maxUid: 0 }, taken: ['root'] },
    { options: { usernames: ['erin', 'alice'] }, taken: ['alice', 'erin'] },
    { options: { minUid: 100_000, forceUid: 500 }, taken: ['heidi'] },
  ])('$options', ({ options, taken }) => {
    expect(names(entries, { ...EVERYBODY, ...options })).toEqual(taken)
  })

  test('a name that is asked for and not there is told, and the others are counted', () => {
    const { notes, notAsked } = convertUsers(entries, { usernames: ['alice', 'zoe'] })
    expect(notes).toEqual(['zoe: there is no such account'])
    expect(notAsked).toBe(16)
  })

  test('uid and gid can be others', () => {
    const { users } = convertUsers(entries, { usernames: ['alice'], forceUid: 0, forceGid: 9 })
    expect(users).toMatchObject([{ uid: 0, gid: 9 }])
  })
})

describe('pure-ftpd', () => {
  const content = bytes(
    `alice:${ARGON2ID}:1000:1001::/srv/alice/./::::::::::::`,
    `bob:${ARGON2ID}:1002:1003:Bob B.:/srv/bob:204800:102401:1:2:4:500:10485760:1.1.1.1:2.2.2.2:10.0.0.0/8:192.168.1.1:900-1800`,
    `carol:${ARGON2ID}:1000:1000::/srv/./carol:x:::::::::::`,
    'dave:*:1000:1000::/srv/dave/./::::::::::::',
    `erin:${ARGON2ID}:1000:1000::/./pub::::::::::::`,
    'frank:ab01FAX.bQRSU:1000:1000::/srv/frank/./::::::::::::',
  )

  test('limits come along, and what does not is told', () => {
    const { users, notes, leftOut } = convertUsers(readPureFtpd(content), EVERYBODY)
    expect(users).toMatchObject([
      { username: 'alice', home_dir: '/srv/alice', uid: 1000, gid: 1001, max_sessions: 0, upload_bandwidth: 0 },
      {
        username: 'bob',
        home_dir: '/srv/bob',
        max_sessions: 4,
        quota_files: 500,
        quota_size: 10_485_760,
        upload_bandwidth: 200,
        download_bandwidth: 101,
      },
      { username: 'erin', home_dir: '/' },
    ])
    expect(leftOut).toBe(3)
    expect(notes).toEqual([
      'line 2, bob: its upload ratio is not carried over',
      'line 2, bob: its download ratio is not carried over',
      'line 2, bob: the list of local addresses that it may use is not carried over',
      'line 2, bob: the list of local addresses that it may not use is not carried over',
      'line 2, bob: the list of client addresses that may use it is not carried over',
      'line 2, bob: the list of client addresses that may not use it is not carried over',
      'line 2, bob: the hours at which it may log in is not carried over',
      'line 2, bob: it was not confined to its home directory, here it is',
      'line 3, carol: left out, its upload bandwidth is no number',
      'line 4, dave: left out, nobody can log in with a password',
      'line 5, erin: it begins in its root instead of a directory below',
      'line 5, erin: its home directory is /, so it sees everything',
      'line 6, frank: left out, its hash is of an unknown kind, which cannot be checked: it needs a new password',
    ])
  })
})

describe('proftpd', () => {
  const content = bytes(
    `alice:${SHA512}:1000:1001:,,,:/srv/alice:/bin/false`,
    `bob:!${SHA256}:1000:1001::/srv/bob:/bin/false`,
    `carol:${MD5}:1000:1001::/srv/carol:/bin/false`,
    'dave:secret:1000:1001::/srv/dave:/bin/false',
    `a/b:${SHA512}:1000:1001::/srv/erin:/bin/false`,
    `:${SHA512}:1000:1001::/srv/frank:/bin/false`,
  )

  test('hashes come along, and no plain text is taken for a password', () => {
    const { users, notes } = convertUsers(readProftpd(content), EVERYBODY)
    expect(users).toMatchObject([
      { id: 1, username: 'alice', status: 1, password: SHA512, home_dir: '/srv/alice', uid: 1000, gid: 1001 },
      { id: 2, username: 'bob', status: 0, password: SHA256 },
    ])
    expect(notes).toEqual([
      'line 2, bob: it is locked: inactive',
      'line 3, carol: left out, its hash is MD5 ($1$), which cannot be checked: it needs a new password',
      'line 4, dave: left out, its hash is of an unknown kind, which cannot be checked: it needs a new password',
      'line 5, a/b: left out, username is "a/b", want no "/", no control characters, not "." or ".."',
      'line 6, without a name: left out, username is empty',
    ])
  })

  test('line ends of Windows, and a last line without an end', () => {
    const text = `alice:${SHA512}:1:1::/a:/s\r\nbob:${SHA512}:1:1::/b:/s`
    expect(names(readProftpd(Buffer.from(text)))).toEqual(['alice', 'bob'])
  })

  test('a name that is not UTF-8 is left out', () => {
    const line = Buffer.concat([Buffer.from([0xe9]), bytes(`:${SHA512}:1:1::/a:/s`)])
    expect(convertUsers(readProftpd(line), EVERYBODY)).toMatchObject({
      users: [],
      notes: ['line 1, \ufffd: left out, the line is not UTF-8'],
    })
  })
})

test('the hashes are those of the password', async () => {
  const passwords = createPasswords()
  for (const hash of [SHA512, SHA256]) {
    expect(await passwords.matches(hash, 'secret')).toBe(true)
    expect(await passwords.matches(hash, 'wrong')).toBe(false)
  }
})

describe('whatever the files hold', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('', 'x', '*', '!', '0', '1000', '-1', '99999999999999999999', '/home/a', '/./', SHA512, `!${MD5}`),
  )
  const line = fc.array(field, { maxLength: 20 }).map((fields) => Buffer.from(fields.join(':')))
  const content = fc
    .array(
      fc.oneof(
        line,
        fc.uint8Array({ maxLength: 40 }).map((noise) => Buffer.from(noise)),
      ),
      { maxLength: 8 },
    )
    .map((lines) => Buffer.concat(lines.flatMap((one) => [one, Buffer.from('\n')])))

  test.each([
    ['unix-passwd', readUnixPasswd],
    ['pure-ftpd', readPureFtpd],
    ['proftpd', readProftpd],
  ])('each account of %s is converted or told of, and no hash is', (_, read) => {
    fc.assert(
      fc.property(content, content, (input, shadow) => {
        const entries = read(input, shadow)
        const { users, notes, leftOut } = convertUsers(entries, EVERYBODY)
        expect(users.length + leftOut).toBe(entries.length)
        expect(notes.filter((note) => note.includes('left out, '))).toHaveLength(leftOut)
        expect(new Set(users.map(({ username }) => username)).size).toBe(users.length)
        for (const user of users) {
          expect(user.home_dir).toMatch(/^\//)
          expect(user.password).toMatch(/^\$/)
          for (const number of [user.uid, user.gid, user.upload_bandwidth, user.quota_size])
            expect(Number.isSafeInteger(number) && number >= 0).toBe(true)
        }
      }),
    )
  })
})
