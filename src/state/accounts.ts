/**
 * Patches of accounts (PROTOCOL §5). Who may write them is access.ts's matter.
 *
 * Tests: test/state/operations.test.ts, test/state/rights.test.ts
 */

import { toHex } from '../bytes/hex.js'
import { equalBytes } from '../bytes/bytes.js'
import { Account, GUESTS_ACCOUNT, KeyCard } from '../objects/account.js'
import type { Op, Patch } from '../patches/patch.js'
import type { Draft } from './draft.js'
import { fields, list, placeOf, settable, wholeOr } from './edit.js'
import { invalid } from './verdict.js'

export const editAccount = wholeOr(
  settable(Account, { replaceMissing: 'refuse', removable: true }),
  fields<Account>({ KeyCards: list(KeyCard, { replaceAt: false }) }),
)

export function applyToAccounts(draft: Draft, op: Op, { path, value }: Patch): void {
  const key = path[1]
  if (!(key instanceof Uint8Array) || key.length !== 20)
    throw invalid(`${placeOf(path)}: an account's key has 20 bytes`)
  const edit = editAccount(op, path, 2)
  const before = draft.read('Accounts', key, Account)
  draft.accountTouched(key, before?.KeyCards ?? [])
  const after = edit(before, value)
  if (after === undefined) draft.delete('Accounts', key, Account)
  else draft.write('Accounts', key, Account, after, equalBytes(key, GUESTS_ACCOUNT))
  // The account of all guests is long, and grows by appending.
  if (op === 'append') return
  const kept = new Set(after?.KeyCards?.map(toHex))
  for (const card of before?.KeyCards ?? []) if (!kept.has(toHex(card))) draft.cardUnlinked(card)
}
