import { bytes, counted, name, struct, uint32, uint64 } from '../wire/codec.ts'
import type { Codec } from '../wire/codec.ts'
import { SSH_FILEXFER_ATTR } from './constants.ts'

/** File attributes, §5: what is absent was not sent. */
export interface Attrs {
  /** Bytes. */
  size?: bigint
  owner?: { uid: number; gid: number }
  /** POSIX mode, with the type bits in what a server sends. */
  permissions?: number
  /** Seconds since the epoch, uint32. */
  times?: { atime: number; mtime: number }
  extended?: readonly { type: string; data: Buffer }[]
}

const owner = struct({ uid: uint32, gid: uint32 })
const times = struct({ atime: uint32, mtime: uint32 })
const extended = counted(struct({ type: name, data: bytes }))

/** Flag bits without a meaning in version 3 are ignored, as OpenSSH does. */
export const attrs: Codec<Attrs> = {
  encode(writer, value) {
    let flags = 0
    if (value.size !== undefined) flags |= SSH_FILEXFER_ATTR.SIZE
    if (value.owner !== undefined) flags |= SSH_FILEXFER_ATTR.UIDGID
    if (value.permissions !== undefined) flags |= SSH_FILEXFER_ATTR.PERMISSIONS
    if (value.times !== undefined) flags |= SSH_FILEXFER_ATTR.ACMODTIME
    if (value.extended !== undefined) flags |= SSH_FILEXFER_ATTR.EXTENDED
    writer.uint32(flags >>> 0)
    if (value.size !== undefined) writer.uint64(value.size)
    if (value.owner !== undefined) owner.encode(writer, value.owner)
    if (value.permissions !== undefined) writer.uint32(value.permissions)
    if (value.times !== undefined) times.encode(writer, value.times)
    if (value.extended !== undefined) extended.encode(writer, value.extended)
  },
  decode(reader, field) {
    const flags = reader.uint32(`${field}.flags`)
    const value: Attrs = {}
    if (flags & SSH_FILEXFER_ATTR.SIZE) value.size = uint64.decode(reader, `${field}.size`)
    if (flags & SSH_FILEXFER_ATTR.UIDGID) value.owner = owner.decode(reader, `${field}.owner`)
    if (flags & SSH_FILEXFER_ATTR.PERMISSIONS) value.permissions = uint32.decode(reader, `${field}.permissions`)
    if (flags & SSH_FILEXFER_ATTR.ACMODTIME) value.times = times.decode(reader, `${field}.times`)
    if (flags & SSH_FILEXFER_ATTR.EXTENDED) value.extended = extended.decode(reader, `${field}.extended`)
    return value
  },
}
