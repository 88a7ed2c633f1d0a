import { attrs } from '../../protocol/sftp/attrs.ts'
import { REQUESTS, RESPONSES } from '../../protocol/sftp/packets.ts'
import type { Packet, RequestKind, ResponseKind } from '../../protocol/sftp/packets.ts'
import { bytes, name, payload, rest, text, uint32, uint64 } from '../../protocol/wire/codec.ts'

/** How a field is written; `pairs` and `entries` are the lists of VERSION and NAME. */
export type FieldType =
  'name' | 'text' | 'bytes' | 'payload' | 'uint32' | 'uint64' | 'attrs' | 'rest' | 'pairs' | 'entries'

export interface Field {
  name: string
  type: FieldType
}

/** A packet as the generator sees it: the engine's own table, with types that it can write without the engine's codec. */
export interface Rule<K extends string = string> {
  kind: K
  type: number
  extension: Buffer | undefined
  hasId: boolean
  fields: readonly Field[]
}

const TYPE_OF_CODEC = new Map<unknown, FieldType>([
  [name, 'name'],
  [text, 'text'],
  [bytes, 'bytes'],
  [payload, 'payload'],
  [uint32, 'uint32'],
  [uint64, 'uint64'],
  [attrs, 'attrs'],
  [rest, 'rest'],
])
/** Lists are made anew for every row, so their fields' names tell them apart. */
const TYPE_OF_LIST: Readonly<Record<string, FieldType>> = { extensions: 'pairs', entries: 'entries' }

export const REQUEST_RULES = rules<RequestKind>(REQUESTS)
export const RESPONSE_RULES = rules<ResponseKind>(RESPONSES)

/** @throws for a codec that the generator cannot write: a new one must not go untested. */
function rules<K extends string>(table: Record<K, Packet<unknown>>): readonly Rule<K>[] {
  return Object.entries<Packet<unknown>>(table).map(([kind, { type, extension, hasId, fields }]) => ({
    kind: kind as K,
    type,
    extension: extension === undefined ? undefined : Buffer.from(extension, 'latin1'),
    hasId,
    fields: Object.entries(fields as Record<string, unknown>).map(([field, codec]) => {
      const known = TYPE_OF_CODEC.get(codec) ?? TYPE_OF_LIST[field]
      if (known === undefined) throw new Error(`the generator cannot write ${kind}.${field}`)
      return { name: field, type: known }
    }),
  }))
}
