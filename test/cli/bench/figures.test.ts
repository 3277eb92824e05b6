import { describe, expect, it } from 'vitest'
import { compareFigures, median, spreadOf, type Figure } from '../../../src/cli/bench/figures.js'

const figure = (values: readonly number[], change: Partial<Figure> = {}): Figure => ({
  name: 'write: sets',
  unit: 'a second',
  better: 'more',
  values,
  ...change,
})

it('the median is the middle, or the mean of the middle two', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([9, 1, 5, 7])).toBe(6)
  expect(median([3])).toBe(3)
})

it('the spread is from the smallest to the largest, as a share of the median', () => {
  expect(spreadOf([90, 110, 100])).toEqual({ median: 100, min: 90, max: 110, share: 0.2 })
  expect(spreadOf([0, 0])).toEqual({ median: 0, min: 0, max: 0, share: 0 })
})

describe('compared', () => {
  const compare = (before: readonly number[], now: readonly number[], better: Figure['better'], allowed = 0.1) =>
    compareFigures([figure(before, { better })], [figure(now, { better })], allowed)[0]!

  it('fewer of what should be more are worse, more are not', () => {
    expect(compare([100], [80], 'more')).toMatchObject({ ratio: 0.8, worseBy: 0.25, isBeyond: true })
    expect(compare([100], [200], 'more')).toMatchObject({ ratio: 2, isBeyond: false })
  })

  it('more of what should be less are worse, fewer are not', () => {
    expect(compare([100], [120], 'less')).toMatchObject({ ratio: 1.2, isBeyond: true })
    expect(compare([100], [50], 'less')).toMatchObject({ ratio: 0.5, isBeyond: false })
  })

  it('what is worse by no more than is allowed is not beyond it', () => {
    expect(compare([100], [110], 'less', 0.11).isBeyond).toBe(false)
    expect(compare([100], [112], 'less', 0.11).isBeyond).toBe(true)
  })

  it('medians are compared, and spreads are there', () => {
    const { before, now, ratio } = compare([90, 100, 110], [45, 50, 1_000], 'more')
    expect([before.median, now.median, ratio]).toEqual([100, 50, 0.5])
    expect(now.share).toBeCloseTo(19.1)
  })

  it('nothing from something is as much worse as can be', () => {
    expect(compare([100], [0], 'more')).toMatchObject({ worseBy: Infinity, isBeyond: true })
    expect(compare([0], [1], 'less')).toMatchObject({ ratio: Infinity, isBeyond: true })
    expect(compare([0], [0], 'less')).toMatchObject({ ratio: 1, isBeyond: false })
  })

  it('only what both have, by name and unit', () => {
    const others = [figure([1], { name: 'read: visits' }), figure([1], { unit: 'an hour' })]
    expect(compareFigures(others, [figure([1])], 0.1)).toEqual([])
  })
})
