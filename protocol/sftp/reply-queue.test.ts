import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReplyQueue } from './reply-queue.ts'

function started(): { queue: ReplyQueue; left: string[] } {
  const left: string[] = []
  return { queue: new ReplyQueue((bytes) => left.push(bytes.toString())), left }
}

test('replies leave in the order of arrival, whatever order they become ready in', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.infiniteStream(fc.nat()), (count, picks) => {
      const { queue, left } = started()
      const requests = Array.from({ length: count }, (_, index) => ({ index }))
      for (const request of requests) queue.expect(request)
      const open = [...requests]
      let answered = 0
      for (const pick of picks) {
        const [request] = open.length === 0 ? [] : open.splice(pick % open.length, 1)
        if (request === undefined) break
        queue.answer(request, Buffer.from(String(request.index)))
        answered++
        expect(left).toEqual(requests.slice(0, left.length).map(({ index }) => String(index)))
        expect(queue.readyBytes).toBe(
          requests
            .slice(left.length)
            .filter((one) => !open.includes(one))
            .reduce((total, { index }) => total + String(index).length, 0),
        )
      }
      expect({ answered, left: left.length, ready: queue.readyBytes }).toEqual({
        answered: count,
        left: count,
        ready: 0,
      })
    }),
  )
})

test('the oldest is the first that has no reply yet', () => {
  const { queue } = started()
  const [first, second] = [{}, {}]
  queue.expect(first)
  queue.expect(second)
  expect([queue.isOldest(first), queue.isOldest(second)]).toEqual([true, false])
  queue.answer(first, Buffer.from('1'))
  expect([queue.isOldest(first), queue.isOldest(second)]).toEqual([false, true])
})

test('what gets no reply lets the next one leave', () => {
  const { queue, left } = started()
  const [silent, second] = [{}, {}]
  queue.expect(silent)
  queue.expect(second)
  queue.answer(second, Buffer.from('2'))
  expect(left).toEqual([])
  queue.answer(silent, Buffer.alloc(0))
  expect(left).toEqual(['2'])
})

test('after clear nothing is due, and late answers are dropped', () => {
  const { queue, left } = started()
  const [first, second] = [{}, {}]
  queue.expect(first)
  queue.expect(second)
  queue.answer(second, Buffer.from('2'))
  queue.clear()
  queue.answer(first, Buffer.from('1'))
  expect({ left, ready: queue.readyBytes }).toEqual({ left: [], ready: 0 })
})
