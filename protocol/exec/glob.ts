/**
 * Whether a name matches a shell's pattern (POSIX shell, 2.13): `*`, `?`, `[...]` with ranges and `!` or `^`,
 * and a backslash before what is meant literally. A dot in front matches only itself.
 * Takes time in proportion to both lengths multiplied, at worst.
 */
export function matches(pattern: string, name: string): boolean {
  const tokens = parse(pattern)
  if (name.startsWith('.') && tokens[0] !== '.') return false
  const characters = split(name)
  // Where the last star was, and how much of the name it has taken: all that going back needs to know.
  let star = -1
  let taken = 0
  let token = 0
  let at = 0
  while (at < characters.length) {
    const current = tokens[token]
    if (current === ANY_NUMBER) {
      star = token++
      taken = at
    } else if (current !== undefined && accepts(current, characters[at] as string)) {
      token++
      at++
    } else if (star !== -1) {
      token = star + 1
      at = ++taken
    } else {
      return false
    }
  }
  while (tokens[token] === ANY_NUMBER) token++
  return token === tokens.length
}

/** The pattern without its backslashes: what it means where nothing matches it. */
export function unescaped(pattern: string): string {
  return pattern.replace(/\\([\s\S])/g, '$1')
}

const ANY_NUMBER = Symbol('*')
const ANY_ONE = Symbol('?')

interface Bracket {
  negated: boolean
  ranges: { from: string; to: string }[]
}

type Token = string | typeof ANY_NUMBER | typeof ANY_ONE | Bracket

function accepts(token: Exclude<Token, typeof ANY_NUMBER>, character: string): boolean {
  if (token === ANY_ONE) return true
  if (typeof token === 'string') return token === character
  const within = token.ranges.some(({ from, to }) => from <= character && character <= to)
  return within !== token.negated
}

function parse(pattern: string): Token[] {
  const characters = split(pattern)
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string
    if (character === '*') tokens.push(ANY_NUMBER)
    else if (character === '?') tokens.push(ANY_ONE)
    else if (character === '\\' && at + 1 < characters.length) tokens.push(characters[++at] as string)
    else if (character === '[') {
      const bracket = parseBracket(characters, at + 1)
      tokens.push(bracket?.token ?? '[')
      if (bracket !== undefined) at = bracket.end
    } else tokens.push(character)
  }
  return tokens
}

/** @returns undefined without a closing bracket: the opening one is then a character like others. */
function parseBracket(characters: readonly string[], start: number): { token: Bracket; end: number } | undefined {
  const negated = characters[start] === '!' || characters[start] === '^'
  const first = negated ? start + 1 : start
  const ranges: Bracket['ranges'] = []
  for (let at = first; at < characters.length; at++) {
    // Right behind the opening bracket a closing one stands for itself.
    if (characters[at] === ']' && at > first) return { token: { negated, ranges }, end: at }
    if (characters[at] === '\\') at++
    const from = characters[at]
    if (from === undefined) return undefined
    const to = characters[at + 2]
    if (characters[at + 1] === '-' && to !== undefined && to !== ']') {
      ranges.push({ from, to })
      at += 2
    } else {
      ranges.push({ from, to: from })
    }
  }
  return undefined
}

/** A name's UTF-8 characters, in one-char-per-byte form; a byte that belongs to none is one by itself. */
function split(text: string): string[] {
  return text.match(/[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\s\S]/g) ?? []
}
