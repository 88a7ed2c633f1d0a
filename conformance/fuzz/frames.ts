/** Where the packets of a stream are, told apart without the engine: lengths are followed until one cannot be. */
export interface Frames {
  /** Of each packet without its length field. */
  packets: { start: number; end: number }[]
  /** A length is 0 or over the limit; nothing behind it counts. */
  broken: boolean
  /** Where the length that broke the stream ends, or the stream. */
  end: number
  /** Bytes of a packet that is not complete, without its length where that is there. */
  rest: number
}

export function frames(bytes: Buffer, maxPacketBytes: number): Frames {
  const packets: Frames['packets'] = []
  let position = 0
  while (position + 4 <= bytes.length) {
    const start = position + 4
    const length = bytes.readUInt32BE(position)
    if (length === 0 || length > maxPacketBytes) return { packets, broken: true, end: start, rest: 0 }
    if (start + length > bytes.length) return { packets, broken: false, end: bytes.length, rest: bytes.length - start }
    position = start + length
    packets.push({ start, end: position })
  }
  return { packets, broken: false, end: bytes.length, rest: bytes.length - position }
}
