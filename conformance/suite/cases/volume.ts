import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { name, ok, reply, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import { NotOffered } from '../failure.ts'

const STATVFS: Expected = reply('statvfsReply', 'statvfs: sizes that fit together', (came) => {
  if (came.kind !== 'statvfsReply') return false
  const { blockSize, fragmentSize, blocks, freeBlocks, availableBlocks, maxNameBytes } = came
  const sizes = blockSize > 0n && fragmentSize > 0n && maxNameBytes > 0n
  return sizes && freeBlocks <= blocks && availableBlocks <= freeBlocks
})

const SPACE: Expected = reply('spaceAvailableReply', 'space-available: sizes that fit together', (came) => {
  if (came.kind !== 'spaceAvailableReply') return false
  const { bytesOnDevice, unusedBytesOnDevice, bytesAvailableToUser, unusedBytesAvailableToUser } = came
  return unusedBytesOnDevice <= bytesOnDevice && unusedBytesAvailableToUser <= bytesAvailableToUser
})

const SPACE_NEEDS = ['space-available']

function ids(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}

function names(count: { users: number; groups: number }): Expected {
  return reply('usersGroupsReply', `${count.users} user names and ${count.groups} group names`, (came) => {
    if (came.kind !== 'usersGroupsReply') return false
    return stringsIn(came.usernames) === count.users && stringsIn(came.groupnames) === count.groups
  })
}

/** @returns -1 for bytes that are no sequence of strings. */
function stringsIn(bytes: Buffer): number {
  let count = 0
  let at = 0
  while (at + 4 <= bytes.length) {
    at += 4 + bytes.readUInt32BE(at)
    count++
  }
  return at === bytes.length ? count : -1
}

const USERS = ['users-groups-by-id@openssh.com']
const LOOKUPS: { what: string; uids: number[]; gids: number[] }[] = [
  { what: 'no id', uids: [], gids: [] },
  { what: 'one user', uids: [0], gids: [] },
  { what: 'one group', uids: [], gids: [0] },
  { what: 'several users and groups', uids: [0, 1, 2], gids: [0, 1] },
  { what: 'ids that nobody has', uids: [4_000_000_001], gids: [4_000_000_002, 4_000_000_003] },
]

async function pathsWork(context: Context, paths: readonly string[], expected: Expected): Promise<void> {
  for (const path of paths) await context.expect({ kind: 'statvfs', path }, expected)
}

/** statvfs, fsync, home-directory, users-groups-by-id and space-available. */
export const VOLUME_CASES: readonly Case[] = [
  {
    name: 'statvfs of a file, a directory and a link gives sizes that fit together',
    section: 'PROTOCOL 4.4',
    needs: ['statvfs@openssh.com'],
    async run(context) {
      await context.given({ f: { file: 'text' }, d: 'directory', l: { link: 'f' } })
      await pathsWork(
        context,
        ['f', 'd', 'l'].map((one) => context.at(one)),
        STATVFS,
      )
    },
  },
  {
    name: 'statvfs of "/" and of "." works',
    section: 'PROTOCOL 4.4',
    needs: ['statvfs@openssh.com'],
    run: (context) => pathsWork(context, ['/', '.'], STATVFS),
  },
  {
    name: 'statvfs of a dangling link is refused',
    section: 'PROTOCOL 4.4',
    needs: ['statvfs@openssh.com'],
    async run(context) {
      await context.link('l', 'none')
      await context.expect({ kind: 'statvfs', path: context.at('l') }, status('NO_SUCH_FILE'))
    },
  },
  {
    name: 'fstatvfs gives what statvfs gives',
    section: 'PROTOCOL 4.4',
    needs: ['statvfs@openssh.com', 'fstatvfs@openssh.com'],
    async run(context) {
      await context.file('f')
      const byPath = await context.must({ kind: 'statvfs', path: context.at('f') }, 'statvfsReply')
      const byHandle = await context.expect({ kind: 'fstatvfs', handle: await context.open('f', 1) }, STATVFS)
      if (byHandle.kind !== 'statvfsReply') return
      for (const field of ['blockSize', 'fragmentSize', 'blocks', 'maxNameBytes'] as const) {
        context.same(byHandle[field], byPath[field], field)
      }
    },
  },
  {
    name: 'fsync of a file that is written is answered with OK',
    section: 'PROTOCOL 4.6',
    needs: ['fsync@openssh.com'],
    async run(context) {
      const opened = await context.open('f', 0x0a)
      await context.write(opened, 0, Buffer.from('text'))
      await context.expect({ kind: 'fsync', handle: opened }, ok)
      await context.shows({ f: { file: 'text' } })
    },
  },
  {
    name: 'fsync of a file that is read is answered with OK',
    section: 'PROTOCOL 4.6',
    needs: ['fsync@openssh.com'],
    async run(context) {
      await context.file('f')
      await context.expect({ kind: 'fsync', handle: await context.open('f', 1) }, ok)
    },
  },
  {
    name: 'home-directory of the user’s own name gives an absolute path',
    section: 'PROTOCOL 4.11',
    needs: ['home-directory'],
    async run(context) {
      const absolute = reply('name', 'NAME with an absolute path', (came) => {
        return came.kind === 'name' && came.entries.length === 1 && (came.entries[0]?.filename ?? '').startsWith('/')
      })
      await context.expect({ kind: 'homeDirectory', username: context.username }, absolute)
    },
  },
  {
    name: 'home-directory of an unknown user is refused',
    section: 'PROTOCOL 4.11',
    note: 'PROTOCOL names no code; OpenSSH says FAILURE.',
    needs: ['home-directory'],
    async run(context) {
      const username = 'no-such-user-anywhere'
      await context.expect({ kind: 'homeDirectory', username }, status('NO_SUCH_FILE', 'FAILURE', 'PERMISSION_DENIED'))
    },
  },
  ...LOOKUPS.map(({ what, uids, gids }): Case => ({
    name: `users-groups-by-id of ${what} gives a name each, empty where there is none`,
    section: 'PROTOCOL 4.12',
    needs: USERS,
    async run(context) {
      await context.expect(
        { kind: 'usersGroupsById', uids: ids(...uids), gids: ids(...gids) },
        names({ users: uids.length, groups: gids.length }),
      )
    },
  })),
  {
    name: 'users-groups-by-id names nobody for an id that nobody has',
    section: 'PROTOCOL 4.12',
    needs: USERS,
    async run(context) {
      const nobody = reply('usersGroupsReply', 'two empty names', (came) => {
        return came.kind === 'usersGroupsReply' && came.usernames.equals(Buffer.alloc(4)) && came.groupnames.equals(Buffer.alloc(4)) // prettier-ignore
      })
      await context.expect({ kind: 'usersGroupsById', uids: ids(4_000_000_001), gids: ids(4_000_000_001) }, nobody)
    },
  },
  {
    name: 'space-available of a file and of a directory gives sizes that fit together',
    section: 'extensions draft §4',
    needs: SPACE_NEEDS,
    async run(context) {
      await context.given({ f: { file: 'text' }, d: 'directory' })
      for (const one of ['f', 'd']) await context.expect({ kind: 'spaceAvailable', path: context.at(one) }, SPACE)
    },
  },
  {
    name: 'space-available of a missing name is refused',
    section: 'extensions draft §4',
    needs: SPACE_NEEDS,
    async run(context) {
      await context.expect({ kind: 'spaceAvailable', path: context.at('none') }, status('NO_SUCH_FILE'))
    },
  },
  {
    name: 'space-available says what statvfs says',
    section: 'extensions draft §4',
    needs: [...SPACE_NEEDS, 'statvfs@openssh.com'],
    async run(context) {
      const volume = await context.must({ kind: 'statvfs', path: context.dir }, 'statvfsReply')
      const space = await context.expect({ kind: 'spaceAvailable', path: context.dir }, SPACE)
      if (space.kind === 'spaceAvailableReply') {
        context.same(space.bytesOnDevice, volume.blocks * volume.fragmentSize, 'bytes on the device')
      }
    },
  },
]

const EXPAND = ['expand-path@openssh.com']

/** expand-path: as REALPATH, with `~` in front. */
export const EXPAND_CASES: readonly Case[] = [
  ...['~', '~/', '~/.'].map((path): Case => ({
    name: `expand-path of "${path}" gives the home directory`,
    section: 'PROTOCOL 4.9',
    needs: [...EXPAND, 'home-directory'],
    async run(context) {
      const { entries } = await context.must({ kind: 'homeDirectory', username: context.username }, 'name')
      await context.expect({ kind: 'expandPath', path }, name(context.home, entries[0]?.filename ?? ''))
    },
  })),
  {
    name: 'expand-path of "~user" gives the user’s home directory',
    section: 'PROTOCOL 4.9',
    needs: [...EXPAND, 'home-directory'],
    async run(context) {
      const { entries } = await context.must({ kind: 'homeDirectory', username: context.username }, 'name')
      const home = entries[0]?.filename ?? ''
      const there = await context.client.request({ kind: 'stat', path: home })
      if (there.kind !== 'attrs') throw new NotOffered('the user’s home directory does not exist')
      await context.expect({ kind: 'expandPath', path: `~${context.username}` }, name(home))
    },
  },
  {
    name: 'expand-path of an unknown "~user" is refused',
    section: 'PROTOCOL 4.9',
    needs: EXPAND,
    async run(context) {
      await context.expect({ kind: 'expandPath', path: '~no-such-user-anywhere/x' }, status('NO_SUCH_FILE', 'FAILURE'))
    },
  },
  {
    name: 'expand-path without "~" does as REALPATH does',
    section: 'PROTOCOL 4.9',
    needs: EXPAND,
    async run(context) {
      await context.given({ d: 'directory', l: { link: 'd' } })
      for (const path of ['d', 'l', 'd/../l/', 'none']) {
        const { entries } = await context.must({ kind: 'realpath', path: context.at(path) }, 'name')
        await context.expect({ kind: 'expandPath', path: context.at(path) }, name(entries[0]?.filename ?? ''))
      }
    },
  },
  {
    name: 'expand-path of a relative path starts where sessions start',
    section: 'PROTOCOL 4.9',
    needs: EXPAND,
    async run(context) {
      await context.expect({ kind: 'expandPath', path: '.' }, name(context.home))
    },
  },
  {
    name: 'expand-path leaves a "~" that is not in front alone',
    section: 'PROTOCOL 4.9',
    needs: EXPAND,
    async run(context) {
      await context.given({ '~': { file: 'text' } })
      await context.expect({ kind: 'expandPath', path: context.at('~') }, name(context.at('~')))
    },
  },
  {
    name: 'expand-path of a name in a missing directory is refused',
    section: 'PROTOCOL 4.9',
    needs: EXPAND,
    async run(context) {
      await context.expect({ kind: 'expandPath', path: context.at('none/x') }, status('NO_SUCH_FILE'))
    },
  },
]
