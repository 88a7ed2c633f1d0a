/** The bytes of a vector: hexadecimal digits, grouped by any white space. */
export function hex(grouped: string): Buffer {
  const digits = grouped.replace(/\s+/g, '')
  const bytes = Buffer.from(digits, 'hex')
  if (bytes.length * 2 !== digits.length) throw new Error(`not hexadecimal: ${grouped}`)
  return bytes
}
