import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** Both directions of one wire type, defined once; `field` names the culprit in errors. */
export interface Codec<T> {
  encode(writer: Writer, value: T): void
  /** @throws BadMessage */
  decode(reader: Reader, field: string): T
}

export const byte: Codec<number> = {
  encode: (writer, value) => writer.byte(value),
  decode: (reader, field) => reader.byte(field),
}

export const uint32: Codec<number> = {
  encode: (writer, value) => writer.uint32(value),
  decode: (reader, field) => reader.uint32(field),
}

export const uint64: Codec<bigint> = {
  encode: (writer, value) => writer.uint64(value),
  decode: (reader, field) => reader.uint64(field),
}

/** Any bytes; decodes to a view of the packet. */
export const bytes: Codec<Buffer> = {
  encode: (writer, value) => writer.bytes(value),
  decode: (reader, field) => reader.bytes(field),
}

/** File data, left in the chunks in which it arrived. */
export const payload: Codec<readonly Buffer[]> = {
  encode(writer, chunks) {
    writer.uint32(chunks.reduce((total, chunk) => total + chunk.length, 0))
    for (const chunk of chunks) writer.raw(chunk)
  },
  decode: (reader, field) => reader.payload(field),
}

/** A file name: bytes, kept as text of one character a byte, so that none is altered on its way to the disk. */
export const name: Codec<string> = {
  encode: (writer, value) => writer.text(value, 'latin1'),
  decode: (reader, field) => reader.bytes(field).toString('latin1'),
}

/** Text for people, UTF-8 (RFC 3629). */
export const text: Codec<string> = {
  encode: (writer, value) => writer.text(value, 'utf8'),
  decode: (reader, field) => reader.bytes(field).toString('utf8'),
}

/** The rest of the packet, without a length of its own. */
export const rest: Codec<Buffer> = {
  encode: (writer, value) => writer.raw(value),
  decode: (reader) => reader.rest(),
}

/** A uint32 count, then that many items. */
export function counted<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    encode(writer, items) {
      writer.uint32(items.length)
      for (const value of items) item.encode(writer, value)
    },
    decode(reader, field) {
      const count = reader.uint32(field)
      const items: T[] = []
      // No allocation by the announced count: a lying one runs out of bytes first.
      for (let index = 0; index < count; index++) items.push(item.decode(reader, `${field}[${index}]`))
      return items
    },
  }
}

/** Items up to the end of the packet. */
export function untilEnd<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    encode(writer, items) {
      for (const value of items) item.encode(writer, value)
    },
    decode(reader, field) {
      const items: T[] = []
      while (reader.remaining > 0) items.push(item.decode(reader, `${field}[${items.length}]`))
      return items
    },
  }
}

/** The value a struct of these fields holds. */
export type ValueOf<F> = { -readonly [K in keyof F]: F[K] extends Codec<infer T> ? T : never }

/** Fields in their order on the wire; the object's key order is the wire format. */
export function struct<F extends Record<string, Codec<unknown>>>(fields: F): Codec<ValueOf<F>> {
  const entries = Object.entries(fields)
  return {
    encode(writer, value) {
      for (const [field, codec] of entries) codec.encode(writer, (value as Record<string, unknown>)[field])
    },
    decode(reader) {
      const value: Record<string, unknown> = {}
      for (const [field, codec] of entries) value[field] = codec.decode(reader, field)
      return value as ValueOf<F>
    },
  }
}
