/** Two totals side by side: what the guest saw, and what it comes to now. */

import { formatMoney } from 'cairn-relay/client'
import { isSamePlace, type Agreed } from './agreed.js'

/** Nothing, as long as it is the same. Nobody buys for the other one before he agreed to it. */
export function ChangedTotal({ total, other, agree }: Agreed) {
  if (total === undefined || other === undefined) return null
  const isSameCurrency = isSamePlace(total.currency, other.currency)
  return (
    <section className="panel changed" role="alert" aria-label="Another total">
      <p>
        <span aria-hidden="true">! </span>
        <strong>{isSameCurrency ? 'The total has changed.' : 'In this money it is another number.'}</strong> Nothing is
        paid, and nothing is bought for the new one unless you agree to it.
      </p>
      <dl>
        <div>
          <dt>{isSameCurrency ? 'It was' : 'You saw'}</dt>
          <dd>{formatMoney(total)}</dd>
        </div>
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
