/** What waits to be sent, and what was refused, as a guest sees it: orders. Pure. */

import type { Item, OutboxState, PendingWrite, RefusedWrite } from 'cairn-relay/client'

type Changes = PendingWrite['changes']

/** An order that a write makes. */
export interface WrittenOrder {
  readonly order: bigint
  readonly items: readonly Item[]
}

/** Undefined for a write that makes none. */
export function orderMadeBy(changes: Changes): WrittenOrder | undefined {
  const made = changes.find(({ op, path }) => op === 'add' && path.length === 2 && path[0] === 'Orders')
  if (made === undefined || !(made.value instanceof Map)) return undefined
  const fields = made.value as ReadonlyMap<unknown, unknown>
  const items = (fields.get('Items') ?? []) as readonly ReadonlyMap<unknown, unknown>[]
  return {
    order: made.path[1] as bigint,
    items: items.map((item) => ({
      listing: item.get('ListingID') as bigint,
      quantity: item.get('Quantity') as bigint,
      variations: (item.get('VariationIDs') ?? []) as readonly string[],
    })),
  }
}

/** Orders of which something waits. */
export function pendingOrders({ pending }: Pick<OutboxState, 'pending'>): ReadonlySet<bigint> {
  const ids = pending.flatMap(({ changes }) => changes.map(({ path }) => path))
  return new Set(ids.flatMap(([collection, id]) => (collection === 'Orders' ? [id as bigint] : [])))
}

/** Whether the order waits to be made. */
export function isPendingOrder({ pending }: Pick<OutboxState, 'pending'>, order: bigint | undefined): boolean {
  return order !== undefined && pending.some(({ changes }) => orderMadeBy(changes)?.order === order)
}

/** What the guest wanted of a write that was refused, as the beginning of a sentence. */
export function wantedBy({ changes }: Pick<RefusedWrite, 'changes'>): string {
  if (orderMadeBy(changes) !== undefined) return 'Your order was not taken.'
  const fields = changes.map(({ path }) => path[2])
  if (fields.includes('ChosenCurrency')) return 'Your way to pay was not taken.'
  if (fields.includes('CanceledAt')) return 'Your order could not be canceled.'
  return 'What you changed was not taken.'
}
