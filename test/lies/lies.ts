/** All lies that the lying relay tells. A new one is one row in one of these tables. */

import { BY_HAND } from './by-hand.js'
import { IN_KEYS } from './in-keys.js'
import { IN_KEPT } from './in-kept.js'
import { IN_CHECKPOINTS } from './in-checkpoints.js'
import { IN_ORDERS } from './in-orders.js'
import { IN_PROOFS } from './in-proofs.js'
import { IN_NOTES } from './in-notes.js'
import { IN_PRICES } from './in-prices.js'
import { IN_RECEIPTS } from './in-receipts.js'
import { IN_SNAPSHOTS } from './in-snapshots.js'
import { IN_SETS } from './in-sets.js'
import type { LieRow } from './lie.js'

export const LIES: readonly LieRow[] = [
  ...IN_SETS,
  ...IN_CHECKPOINTS,
  ...IN_SNAPSHOTS,
  ...IN_PROOFS,
  ...IN_ORDERS,
  ...IN_KEPT,
  ...IN_KEYS,
  ...IN_RECEIPTS,
  ...IN_PRICES,
  ...IN_NOTES,
  ...BY_HAND,
]
