import { bytes, counted, name, payload, rest, struct, text, uint32, uint64, untilEnd } from '../wire/codec.ts'
import type { Codec, ValueOf } from '../wire/codec.ts'
import { attrs } from './attrs.ts'
import { SSH_FXP } from './constants.ts'

/** One packet: its type byte, for an extension its name, and the fields behind the request id. */
export interface Packet<F> {
  type: number
  extension?: string
  /** INIT and VERSION carry a version where the others carry an id. */
  hasId: boolean
  body: Codec<ValueOf<F>>
  fields: F
}

function packet<F extends Record<string, Codec<unknown>>>(type: number, fields: F): Packet<F> {
  return { type, hasId: type !== SSH_FXP.INIT && type !== SSH_FXP.VERSION, body: struct(fields), fields }
}

function extension<F extends Record<string, Codec<unknown>>>(extensionName: string, fields: F): Packet<F> {
  return { ...packet(SSH_FXP.EXTENDED, fields), extension: extensionName }
}

const extensionPairs = untilEnd(struct({ name: text, data: bytes }))

/** Every request a client may send: one row is its whole definition. */
export const REQUESTS = {
  init: packet(SSH_FXP.INIT, { version: uint32, extensions: extensionPairs }), // §4
  open: packet(SSH_FXP.OPEN, { filename: name, pflags: uint32, attrs }), // §6.3
  close: packet(SSH_FXP.CLOSE, { handle: bytes }), // §6.3
  read: packet(SSH_FXP.READ, { handle: bytes, offset: uint64, len: uint32 }), // §6.4
  write: packet(SSH_FXP.WRITE, { handle: bytes, offset: uint64, data: payload }), // §6.4
  lstat: packet(SSH_FXP.LSTAT, { path: name }), // §6.8
  fstat: packet(SSH_FXP.FSTAT, { handle: bytes }), // §6.8
  setstat: packet(SSH_FXP.SETSTAT, { path: name, attrs }), // §6.9
  fsetstat: packet(SSH_FXP.FSETSTAT, { handle: bytes, attrs }), // §6.9
  opendir: packet(SSH_FXP.OPENDIR, { path: name }), // §6.7
  readdir: packet(SSH_FXP.READDIR, { handle: bytes }), // §6.7
  remove: packet(SSH_FXP.REMOVE, { filename: name }), // §6.5
  mkdir: packet(SSH_FXP.MKDIR, { path: name, attrs }), // §6.6
  rmdir: packet(SSH_FXP.RMDIR, { path: name }), // §6.6
  realpath: packet(SSH_FXP.REALPATH, { path: name }), // §6.11
  stat: packet(SSH_FXP.STAT, { path: name }), // §6.8
  rename: packet(SSH_FXP.RENAME, { oldpath: name, newpath: name }), // §6.5
  readlink: packet(SSH_FXP.READLINK, { path: name }), // §6.10
  // §6.10 puts linkpath first; OpenSSH shipped the reverse and clients follow it (its PROTOCOL, 4.1).
  symlink: packet(SSH_FXP.SYMLINK, { targetpath: name, linkpath: name }),

  // Extensions, §8. Those at openssh.com as in OpenSSH's PROTOCOL file, section 4.
  posixRename: extension('posix-rename@openssh.com', { oldpath: name, newpath: name }),
  statvfs: extension('statvfs@openssh.com', { path: name }),
  fstatvfs: extension('fstatvfs@openssh.com', { handle: bytes }),
  hardlink: extension('hardlink@openssh.com', { oldpath: name, newpath: name }),
  fsync: extension('fsync@openssh.com', { handle: bytes }),
  lsetstat: extension('lsetstat@openssh.com', { path: name, attrs }),
  limits: extension('limits@openssh.com', {}),
  expandPath: extension('expand-path@openssh.com', { path: name }),
  copyData: extension('copy-data', {
    readHandle: bytes,
    readOffset: uint64,
    length: uint64,
    writeHandle: bytes,
    writeOffset: uint64,
  }),
  homeDirectory: extension('home-directory', { username: text }),
  usersGroupsById: extension('users-groups-by-id@openssh.com', { uids: bytes, gids: bytes }),
  // draft-ietf-secsh-filexfer-extensions-00 §3.
  checkFileName: extension('check-file-name', {
    filename: name,
    algorithms: text,
    offset: uint64,
    length: uint64,
    blockSize: uint32,
  }),
  // The name under which the draft announces the two; paramiko's client asks by it, with a handle.
  checkFile: extension('check-file', {
    handle: bytes,
    algorithms: text,
    offset: uint64,
    length: uint64,
    blockSize: uint32,
  }),
  checkFileHandle: extension('check-file-handle', {
    handle: bytes,
    algorithms: text,
    offset: uint64,
    length: uint64,
    blockSize: uint32,
  }),
  // draft-ietf-secsh-filexfer-extensions-00 §4, draft-ietf-secsh-filexfer-13 §4.4.
  spaceAvailable: extension('space-available', { path: name }),
  vendorId: extension('vendor-id', { vendor: text, product: text, version: text, build: uint64 }),
} as const

/** Every response a server may send. Extended replies carry no name: what was asked tells them apart. */
export const RESPONSES = {
  version: packet(SSH_FXP.VERSION, { version: uint32, extensions: extensionPairs }), // §4
  status: packet(SSH_FXP.STATUS, { code: uint32, message: text, language: text }), // §7
  handle: packet(SSH_FXP.HANDLE, { handle: bytes }), // §7
  data: packet(SSH_FXP.DATA, { data: payload }), // §7
  name: packet(SSH_FXP.NAME, { entries: counted(struct({ filename: name, longname: name, attrs })) }), // §7
  attrs: packet(SSH_FXP.ATTRS, { attrs }), // §7
  statvfsReply: packet(SSH_FXP.EXTENDED_REPLY, {
    blockSize: uint64,
    fragmentSize: uint64,
    blocks: uint64,
    freeBlocks: uint64,
    availableBlocks: uint64,
    files: uint64,
    freeFiles: uint64,
    availableFiles: uint64,
    filesystemId: uint64,
    flags: uint64,
    maxNameBytes: uint64,
  }),
  limitsReply: packet(SSH_FXP.EXTENDED_REPLY, {
    maxPacketLength: uint64,
    maxReadLength: uint64,
    maxWriteLength: uint64,
    maxOpenHandles: uint64,
  }),
  usersGroupsReply: packet(SSH_FXP.EXTENDED_REPLY, { usernames: bytes, groupnames: bytes }),
  checkFileReply: packet(SSH_FXP.EXTENDED_REPLY, { extension: text, algorithm: text, hashes: rest }),
  spaceAvailableReply: packet(SSH_FXP.EXTENDED_REPLY, {
    bytesOnDevice: uint64,
    unusedBytesOnDevice: uint64,
    bytesAvailableToUser: uint64,
    unusedBytesAvailableToUser: uint64,
    bytesPerAllocationUnit: uint32,
  }),
} as const

export type RequestKind = keyof typeof REQUESTS
export type RequestOf<K extends RequestKind> = { kind: K; id: number } & ValueOf<(typeof REQUESTS)[K]['fields']>
/** A packet type or an extension this table does not have: answered with OP_UNSUPPORTED. */
export type UnknownRequest = { kind: 'unknown'; id: number; type: number; extension?: string }
/** The union comes from the table. INIT's id is always 0: it has none on the wire. */
export type Request = { [K in RequestKind]: RequestOf<K> }[RequestKind]

export type ResponseKind = keyof typeof RESPONSES
export type ResponseOf<K extends ResponseKind> = { kind: K; id: number } & ValueOf<(typeof RESPONSES)[K]['fields']>
/** VERSION's id is always 0: it has none on the wire. */
export type Response = { [K in ResponseKind]: ResponseOf<K> }[ResponseKind]
/** What a handler returns: the engine adds the id. */
export type Reply = { [K in ResponseKind]: Omit<ResponseOf<K>, 'id'> }[ResponseKind]
