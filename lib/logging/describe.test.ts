import { expect, test } from 'vitest'
import { describeError } from './describe.ts'

const looped = new Error('a')
looped.cause = looped

test.each([
  { name: 'a message', error: new Error('a'), text: 'a' },
  { name: 'causes', error: new Error('a', { cause: new Error('b', { cause: 'c' }) }), text: 'a: b: c' },
  { name: 'a cause told already', error: new Error('a: b', { cause: new Error('b') }), text: 'a: b' },
  { name: 'a chain that leads back to itself', error: looped, text: 'a' },
  { name: 'several errors in one', error: new AggregateError([new Error('a'), new Error('b')]), text: 'a, b' },
  { name: 'no message but a code', error: Object.assign(new Error(), { code: 'EX' }), text: 'EX' },
  { name: 'no message', error: new TypeError(), text: 'TypeError' },
  { name: 'a thrown text', error: 'a', text: 'a' },
  { name: 'a thrown object', error: { a: 1 }, text: '{"a":1}' },
  { name: 'nothing', error: undefined, text: '' },
])('$name', ({ error, text }) => expect(describeError(error)).toBe(text))
