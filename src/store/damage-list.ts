/**
 * What was met that rotted on disk, and reading of what may have.
 *
 * Tests: test/store/rot.test.ts
 */

import type { ShopId } from '../brands.js'
import type { StoreDamage } from './store.js'
import { StoreError, WHAT_NOW } from './store-error.js'
import { DamageError } from './table.js'

const DERIVED_NOW = 'it is made again from the log'

interface Reading<T> {
  readonly shopId?: ShopId | undefined
  readonly part: StoreDamage['part']
  readonly what: string
  /** Without it the damage is thrown. */
  readonly otherwise?: T
}

/** More of them tell nobody more. */
const DAMAGE_KEPT_MAX = 1_000

/** Each damaged place once: one that is read again and again is still one. */
export class DamageList {
  private readonly list = new Map<string, StoreDamage>()

  note(damage: StoreDamage): void {
    if (this.list.size < DAMAGE_KEPT_MAX) this.list.set(damage.text, damage)
  }

  all(): StoreDamage[] {
    return [...this.list.values()]
  }

  /** The derived part of the shop. */
  mended(shopId: ShopId): void {
    for (const [text, damage] of this.list)
      if (damage.shopId === shopId && damage.part === 'derived') this.list.delete(text)
  }

  /** What is damaged is remembered, and told as a StoreError, unless there is something to go on with. */
  reading<T>({ shopId, part, what, ...given }: Reading<T>, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof DamageError || (error instanceof StoreError && error.code === 'damaged'))) throw error
      const where = shopId === undefined ? '' : `shop ${shopId}: `
      const text = `${where}${what} is damaged (${error.message}): ${part === 'derived' ? DERIVED_NOW : WHAT_NOW}`
      this.note({ shopId, part, text })
      if ('otherwise' in given) return given.otherwise
      throw new StoreError(part === 'derived' ? 'derived' : 'damaged', text, { cause: error })
    }
  }
}
