import { describe, expect, test } from 'vitest'
import { BadCommand, splitWords } from '../exec/words.ts'
import { parseScp } from './command-line.ts'

const parse = (line: string) => {
  const { paths, ...flags } = parseScp(splitWords(line))
  return { ...flags, paths: paths.map(({ text }) => text) }
}
const PLAIN = { recursive: false, preserve: false, targetIsDirectory: false }

describe('flags are understood alone and in clusters', () => {
  test.each([
    ['-t .', { ...PLAIN, direction: 'upload', paths: ['.'] }],
    [
      '-v -r -p -d -t "a b"',
      { direction: 'upload', recursive: true, preserve: true, targetIsDirectory: true, paths: ['a b'] },
    ],
    ['-rpt x', { ...PLAIN, direction: 'upload', recursive: true, preserve: true, paths: ['x'] }],
    ['-t -q -r x', { ...PLAIN, direction: 'upload', recursive: true, paths: ['x'] }],
    ['-f a b', { ...PLAIN, direction: 'download', paths: ['a', 'b'] }],
    ['-f -- -r', { ...PLAIN, direction: 'download', paths: ['-r'] }],
    ['-f -', { ...PLAIN, direction: 'download', paths: ['-'] }],
    ['-f a -r', { ...PLAIN, direction: 'download', paths: ['a', '-r'] }],
  ])('%s', (line, expected) => expect(parse(line)).toEqual(expected))
})

test.each([
  ['', 'exactly one of -t and -f'],
  ['a b', 'exactly one of -t and -f'],
  ['-tf a', 'exactly one of -t and -f'],
  ['-t', 'a path is needed'],
  ['-f --', 'a path is needed'],
  ['-t a b', 'ambiguous target'],
  ['-S ls -t a', 'unknown flag -S, allowed are -t -f -r -p -d -v -q'],
  ['-oProxyCommand=x -t a', 'unknown flag -o'],
  ['--server', 'unknown flag --'],
])('%j is refused: %s', (line, reason) => {
  expect(() => parse(line)).toThrow(BadCommand)
  expect(() => parse(line)).toThrow(reason)
})
