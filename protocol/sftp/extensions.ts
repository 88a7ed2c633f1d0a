import { FsError, HASH_ALGORITHMS, virtualPath } from '../filesystem.ts'
import type { HashAlgorithm, OpenFile, VolumeStats } from '../filesystem.ts'
import { done, nameReply, onHandle } from './handler.ts'
import type { Handler, Handlers, Session } from './handler.ts'
import type { Handles } from './handles.ts'
import { LAST_OFFSET, fileOffset } from './offset.ts'
import { ALONE, INDEPENDENT, OBSERVES_ANYTHING } from './order.ts'
import { REQUESTS } from './packets.ts'
import type { Reply, RequestKind } from './packets.ts'
import { OK } from './status.ts'

/** Kinds that travel in an EXTENDED packet. */
export type ExtensionKind =
  | 'posixRename'
  | 'statvfs'
  | 'fstatvfs'
  | 'hardlink'
  | 'fsync'
  | 'lsetstat'
  | 'limits'
  | 'expandPath'
  | 'copyData'
  | 'homeDirectory'
  | 'usersGroupsById'
  | 'checkFileName'
  | 'checkFile'
  | 'checkFileHandle'
  | 'spaceAvailable'
  | 'vendorId'

/** The version VERSION announces for each (§4: name and data); what is not here is understood but not announced. */
const VERSIONS: readonly (readonly [ExtensionKind, string])[] = [
  ['posixRename', '1'],
  ['statvfs', '2'],
  ['fstatvfs', '2'],
  ['hardlink', '1'],
  ['fsync', '1'],
  ['lsetstat', '1'],
  ['limits', '1'],
  ['expandPath', '1'],
  ['copyData', '1'],
  ['homeDirectory', '1'],
  ['usersGroupsById', '1'],
  ['spaceAvailable', '1'],
]

/** The extension pairs of VERSION. */
export function advertised(_session: Session): { name: string; data: Buffer }[] {
  const pairs = VERSIONS.map(([kind, version]) => ({ name: extensionName(kind), data: Buffer.from(version) }))
  // Its announcement carries the hashes instead of a version (draft-ietf-secsh-filexfer-extensions-00 §3).
  return [...pairs, { name: 'check-file', data: Buffer.from(HASH_ALGORITHMS.join(',')) }]
}

function extensionName(kind: ExtensionKind): string {
  const row = REQUESTS[kind as RequestKind]
  return row.extension ?? ''
}

const CHECK_FILE_HANDLE: Handler<'checkFile' | 'checkFileHandle'> = {
  access: (session, { handle }) => onHandle(session, handle, 'observe'),
  run: async ({ handles }, request) => checkFile(handles.file(request.handle, 'read'), request),
}

export const EXTENSION_HANDLERS: Handlers<ExtensionKind> = {
  posixRename: {
    access: () => ALONE,
    run: ({ fs }, { oldpath, newpath }) =>
      done(fs.rename(virtualPath(oldpath), virtualPath(newpath), { replace: true })),
  },
  statvfs: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, { path }) => statvfsReply(await fs.statvfs(virtualPath(path))),
  },
  fstatvfs: {
    access: (session, { handle }) => onHandle(session, handle, 'observe-anything'),
    run: async ({ handles }, { handle }) => statvfsReply(await handles.file(handle).statvfs()),
  },
  hardlink: {
    access: () => ALONE,
    run: ({ fs }, { oldpath, newpath }) => done(fs.hardlink(virtualPath(oldpath), virtualPath(newpath))),
  },
  fsync: {
    access: () => ALONE,
    run: async ({ handles }, { handle }) => {
      // OpenSSH's server has ENOENT for this handle where others have FAILURE.
      if (handles.find(handle)?.kind !== 'file') throw new FsError('not-found', 'Not the handle of an open file')
      return done(handles.file(handle).sync())
    },
  },
  lsetstat: {
    access: () => ALONE,
    run: ({ fs }, { path, attrs }) => done(fs.lsetstat(virtualPath(path), attrs)),
  },
  limits: {
    access: () => INDEPENDENT,
    run: async ({ limits }) => ({
      kind: 'limitsReply',
      maxPacketLength: BigInt(limits.maxPacketBytes),
      maxReadLength: BigInt(limits.maxReadBytes),
      maxWriteLength: BigInt(limits.maxReadBytes),
      maxOpenHandles: BigInt(limits.maxHandles),
    }),
  },
  expandPath: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs, username }, { path }) => nameReply(await fs.realpath(virtualPath(expandTilde(path, username)))),
  },
  copyData: {
    access: () => ALONE,
    run: ({ handles }, request) => copyData(handles, request),
  },
  homeDirectory: {
    access: () => INDEPENDENT,
    run: async (session, { username }) => {
      if (username !== '' && username !== session.username) throw new FsError('failure', 'No such user')
      return nameReply('/')
    },
  },
  usersGroupsById: {
    access: () => INDEPENDENT,
    // Owners are the host's, which accounts know nothing of: each id has the empty name, OpenSSH's "unknown".
    run: async (_session, { uids, gids }) => ({
      kind: 'usersGroupsReply',
      usernames: Buffer.alloc(4 * Math.floor(uids.length / 4)),
      groupnames: Buffer.alloc(4 * Math.floor(gids.length / 4)),
    }),
  },
  checkFileName: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, request) => {
      const file = await fs.open(virtualPath(request.filename), READ_ONLY, {})
      try {
        return await checkFile(file, request)
      } finally {
        await file.abort()
      }
    },
  },
  checkFile: CHECK_FILE_HANDLE,
  checkFileHandle: CHECK_FILE_HANDLE,
  spaceAvailable: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, { path }) => {
      const volume = await fs.statvfs(virtualPath(path))
      return {
        kind: 'spaceAvailableReply',
        bytesOnDevice: volume.blocks * volume.fragmentSize,
        unusedBytesOnDevice: volume.freeBlocks * volume.fragmentSize,
        bytesAvailableToUser: volume.blocks * volume.fragmentSize,
        unusedBytesAvailableToUser: volume.availableBlocks * volume.fragmentSize,
        bytesPerAllocationUnit: Number(volume.blockSize),
      }
    },
  },
  // Told what the client is, the server has nothing to change.
  vendorId: { access: () => INDEPENDENT, run: async () => OK },
}

const READ_ONLY = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false }

/** `~` and `~name` of the account itself mean its root; other users do not exist here. */
function expandTilde(path: string, username: string): string {
  const [, user, tail] = /^~([^/]*)(.*)$/s.exec(path) ?? []
  if (user === undefined) return path
  if (user !== '' && user !== Buffer.from(username, 'utf8').toString('latin1'))
    throw new FsError('not-found', 'No such user')
  return `/${tail ?? ''}`
}

function statvfsReply(volume: VolumeStats): Reply {
  return { kind: 'statvfsReply', ...volume }
}

const COPY_BYTES = 256 * 1024

/**
 * OpenSSH's PROTOCOL, 4.10: a length of 0 copies to the end of the file; ranges of one file must not overlap.
 * What is wrong is found in the order in which OpenSSH's server looks.
 */
async function copyData(
  handles: Handles,
  request: {
    readHandle: Buffer
    readOffset: bigint
    length: bigint
    writeHandle: Buffer
    writeOffset: bigint
  },
): Promise<Reply> {
  const { readHandle, writeHandle, length } = request
  if (handles.file(readHandle) === handles.file(writeHandle)) {
    throw new FsError('failure', 'A handle cannot be copied onto itself')
  }
  const from = fileOffset(request.readOffset)
  // Appending ignores the offset.
  const { append } = handles.file(writeHandle).flags
  const to = append ? 0 : fileOffset(request.writeOffset)
  const source = handles.file(readHandle, 'read')
  const target = handles.file(writeHandle, 'write')
  // A length beyond every file is the rest of the source, as for OpenSSH's server.
  const wanted = length === 0n || length > LAST_OFFSET ? Number.MAX_SAFE_INTEGER - from : Number(length)
  if (source.identity === target.identity && (append || (from < to + wanted && to < from + wanted))) {
    throw new FsError('failure', 'A file cannot be copied onto itself')
  }
  const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, wanted))
  for (let copied = 0; copied < wanted;) {
    const count = await source.read([buffer.subarray(0, Math.min(buffer.length, wanted - copied))], from + copied)
    // A source that ends early is a success: what there was is copied.
    if (count === 0) break
    await target.write([buffer.subarray(0, count)], to + copied)
    copied += count
  }
  return OK
}

/** draft-ietf-secsh-filexfer-extensions-00 §3: smaller blocks than this are refused. */
const MIN_HASH_BLOCK_BYTES = 256
/** Hashes in one reply; a client that wants more asks for a part of the file. */
const MAX_HASH_BYTES = 128 * 1024

async function checkFile(
  file: OpenFile,
  { algorithms, offset, length, blockSize }: { algorithms: string; offset: bigint; length: bigint; blockSize: number },
): Promise<Reply> {
  const names = algorithms.split(',')
  const algorithm = names.find((name): name is HashAlgorithm => (HASH_ALGORITHMS as readonly string[]).includes(name))
  if (algorithm === undefined) {
    throw new FsError('unsupported', `None of the hashes asked for is known: ${HASH_ALGORITHMS.join(', ')} are`)
  }
  if (blockSize !== 0 && blockSize < MIN_HASH_BLOCK_BYTES) {
    throw new FsError('failure', `The block size is 0 or at least ${MIN_HASH_BLOCK_BYTES}`)
  }
  const start = fileOffset(offset)
  const size = Number((await file.stat()).size ?? 0n)
  const end = length === 0n ? size : Math.min(size, start + fileOffset(length))
  if (start > size) throw new FsError('failure', 'The range begins behind the end of the file')
  const block = blockSize === 0 ? Math.max(end - start, 1) : blockSize
  const hashes: Buffer[] = []
  let bytes = 0
  for (let position = start; position < end || hashes.length === 0; position += block) {
    const hash = await file.digest(algorithm, position, Math.min(block, end - position))
    bytes += hash.length
    if (bytes > MAX_HASH_BYTES)
      throw new FsError('failure', 'Too many blocks for one reply: ask for a part of the file')
    hashes.push(hash)
  }
  return { kind: 'checkFileReply', extension: 'check-file', algorithm, hashes: Buffer.concat(hashes) }
}
