/** Two totals side by side: what the guest saw, if he saw any, and what it comes to now. */

import { formatMoney, isSameCurrency } from 'cairn-relay/client'
import type { Agreed } from './agreed.js'

/** Nothing, as long as it is the same. Nobody buys for the other one before he agreed to it. */
export function ChangedTotal({ total, other, agree }: Agreed) {
  if (other === undefined) return null
  const isInIt = total !== undefined && isSameCurrency(total.currency, other.currency)
  const what = isInIt ? 'The total has changed.' : 'In this money it is another number.'
  return (
    <section className="panel changed" role="alert" aria-label={total === undefined ? 'The total' : 'Another total'}>
      <p>
        <span aria-hidden="true">! </span>
        <strong>{total === undefined ? 'You ordered before the total was known.' : what}</strong> Nothing is paid, and
        nothing is bought for {total === undefined ? 'it' : 'the new one'} unless you agree to it.
      </p>
      <dl>
        {total !== undefined && (
          <div>
            <dt>{isInIt ? 'It was' : 'You saw'}</dt>
            <dd>{formatMoney(total)}</dd>
          </div>
        )}
        <div>
          <dt>Now it is</dt>
          <dd>{formatMoney(other)}</dd>
        </div>
      </dl>
      <button type="button" className="primary" onClick={agree}>
        I agree to {formatMoney(other)}
      </button>
    </section>
  )
}
