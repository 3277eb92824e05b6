/** Lines that tell what became of things: which of them stay when another one comes. Pure. */

export interface ToldOutcome {
  /** Later ones are larger. */
  readonly id: number
  readonly what: string
  /** `news`: it happened by itself. */
  readonly state: 'busy' | 'done' | 'failed' | 'news'
  /** Of a conflict, which waits for an answer: writes all the same. */
  readonly anyway?: (() => void) | undefined
}

/** More than these nobody reads. */
const SHOWN_MAX = 5

export function withOutcome<T extends ToldOutcome>(told: readonly T[], next: T): readonly T[] {
  return [...told.filter((one) => one.id !== next.id && !isOver(one, next)), next].slice(-SHOWN_MAX)
}

/** What failed is over once the same is tried again, and once anything that was begun later succeeds. */
function isOver(one: ToldOutcome, { id, what, state }: ToldOutcome): boolean {
  if (one.state !== 'failed' || one.id > id) return false
  return one.what === what || (state === 'done' && one.anyway === undefined)
}
