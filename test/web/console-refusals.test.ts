/** What the console says of what went wrong: which lines stay, and which field of a form one is about. */

import { describe, expect, test } from 'vitest'
import { ClientError } from 'cairn-relay/client'
import { FieldProblem, ofField, PartlyWritten, refusalOf, refusedOf, sentenceOf } from '../../web/console/sentences.js'
import { withOutcome, type ToldOutcome } from '../../web/console/told-outcomes.js'

describe('a line of what failed', () => {
  const line = (id: number, state: ToldOutcome['state'], more: Partial<ToldOutcome> = {}): ToldOutcome => ({
    id,
    what: `act ${id}`,
    state,
    ...more,
  })
  const left = (...lines: ToldOutcome[]) =>
    lines.reduce<readonly ToldOutcome[]>(withOutcome, []).map(({ id, state }) => `${id} ${state}`)

  test('goes when what was begun later succeeds', () => {
    expect(left(line(1, 'failed'), line(2, 'busy'))).toEqual(['1 failed', '2 busy'])
    expect(left(line(1, 'failed'), line(2, 'busy'), line(2, 'done'))).toEqual(['2 done'])
  })

  test('stays for what was begun before, and for what happens by itself', () => {
    expect(left(line(1, 'busy'), line(2, 'failed'), line(1, 'done'))).toEqual(['2 failed', '1 done'])
    expect(left(line(1, 'failed'), line(2, 'news'))).toEqual(['1 failed', '2 news'])
  })

  test('goes when the same is tried again: of one thing there is one line', () => {
    const again = { what: 'act 1' }
    expect(left(line(1, 'failed'), line(2, 'busy', again), line(2, 'failed', again))).toEqual(['2 failed'])
  })

  test('of a conflict waits for its answer', () => {
    const conflict = line(1, 'failed', { anyway: () => undefined })
    expect(left(conflict, line(2, 'done'))).toEqual(['1 failed', '2 done'])
    expect(left(conflict, line(2, 'busy', { what: 'act 1' }))).toEqual(['2 busy'])
  })

  test('is one of five at most', () => {
    expect(left(...[1, 2, 3, 4, 5, 6, 7].map((id) => line(id, 'news')))).toHaveLength(5)
  })
})

describe('a refusal', () => {
  const changes = [
    { op: 'replace', path: ['Listings', 5n, 'Metadata', 'Description'], value: ' ' },
    { op: 'add', path: ['Listings', 6n], value: 1n },
  ] as const
  const relay = (message: string) => new ClientError('INVALID', message)

  test.each([
    ['of the relay, by its change', relay('changes[0]: it must not be blank'), 'Description'],
    ['of the relay, by its words', relay('changes[1]: Listings/6: Metadata.Title must not be blank'), 'Title'],
    [
      'of the client, by its change',
      new ClientError('USAGE', 'changes[0].value: no', { path: 'changes[0].value' }),
      'Description',
    ],
  ])('%s is of a field', (_what, error, field) => {
    const refusal = refusalOf(error, changes)
    expect(refusal).toBeInstanceOf(FieldProblem)
    expect(refusedOf(refusal)).toEqual({ field, text: `${field}: ${sentenceOf(error)}` })
    // Of what was written in part it is the rest that is about a field.
    expect(refusedOf(new PartlyWritten(7n, refusal))!.field).toBe(field)
  })

  test.each([
    ['that names none', relay('the shop takes no writes now')],
    ['of an option, which has fields of its own', relay('changes[1]: Options/size.Title must not be blank')],
    ['of something else', new Error('no network')],
  ])('%s is of no field', (_what, error) => {
    expect(refusalOf(error, changes)).toBe(error)
    expect(refusedOf(error)).toBeUndefined()
  })

  test('of a text says what people call its field, and nothing of arguments', () => {
    const read = () => {
      throw new ClientError('USAGE', 'text: "x" is no amount. Write it as 1.', {
        path: 'text',
        remedy: 'Write it as 1.',
      })
    }
    expect(() => ofField('amount 1', read, 'Size: Large')).toThrow(
      expect.objectContaining({ field: 'amount 1', message: 'Size: Large: "x" is no amount. Write it as 1.' }),
    )
    expect(ofField('Price', () => 5n)).toBe(5n)
  })
})
