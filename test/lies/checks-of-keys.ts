/** Checks of whose key is the relay's, and of what was anchored. */

import { check, type Check } from './check.js'

export const OF_KEYS: readonly Check[] = [
  check(
    'a hand-over is signed by the key that it is from',
    'src/proofs/hand-over.ts',
    '  if (!equalBytes(signer, fields.From)) throw notSignedBy(fields.From, signer)\n',
    '',
    ['forges a hand-over'],
  ),
  check(
    'hand-overs lead to an end',
    'src/proofs/hand-over.ts',
    '  refuseCircle(read.filter(({ From }) => has(From)))\n',
    '',
    ['hands over in a circle'],
  ),
  check(
    'all hand-overs are of one relay',
    'src/proofs/hand-over.ts',
    '  for (const fields of read) requireRelay(fields, identity)\n',
    '',
    ['hands over another relay'],
  ),
  check(
    'hand-overs lead from a key that is known',
    'src/proofs/hand-over.ts',
    'if (has(From) && !has(To)) known.push(To)',
    'if (!has(To)) known.push(To)',
    ['hands over from a key that nobody knows'],
  ),
  check(
    'the first contact is with what is anchored',
    'src/client/shop-client.ts',
    'if (checkpoint !== undefined) this.proofs.goOnFromAnchor(checkpoint, onChain.place)',
    '',
    ['leaves what is anchored'],
  ),
  check(
    'what is shown as anchored has the digest of the registry',
    'src/client/shop-chain.ts',
    'if (equalBytes(found, digest)) return signed',
    'return signed',
    ['shows another checkpoint as anchored'],
  ),
  check(
    'what is anchored has to be shown',
    'src/client/shop-chain.ts',
    'if ((await onChain.relayTokens()).length < 2) throw refuse(missing, cause)',
    '',
    ['shows nothing of what is anchored'],
  ),
  check(
    'an anchor is of the digest',
    'src/chain/anchor-call.ts',
    'if (equalBytes(call.digest, digest)) return call.nonce',
    'return call.nonce',
    ['names a transaction that anchors something else'],
  ),
  check(
    'an anchor is of the shop',
    'src/chain/anchor-call.ts',
    'if (call.shopId !== shopId) return',
    'if (false) return',
    ['names the anchor of another shop'],
  ),
  check(
    'an anchor is a call to the registry',
    'src/chain/anchor-call.ts',
    'if (to === undefined || !equalBytes(to, contract))\n',
    'if (to === undefined)\n',
    ['names a call to another contract'],
  ),
  check('an anchor succeeded', 'src/chain/anchor-call.ts', '!block.succeeded', 'false', [
    'names an anchor that failed',
  ]),
  check('an anchor is deep enough', 'src/chain/anchor-call.ts', 'if (depth < query.depth)\n', 'if (false)\n', [
    'names an anchor that is not deep enough',
  ]),
  check(
    'an anchor that is not there yet counts for nothing',
    'src/proofs/receipt-report.ts',
    "if (finding.outcome === 'not yet') {",
    'if (false) {',
    ['names an anchor that is not deep enough'],
  ),
  check(
    'an anchor that is something else is told',
    'src/proofs/receipt-report.ts',
    "if (finding.outcome === 'other') return",
    "if (finding.outcome === 'other' && false) return",
    ['names a transaction that anchors something else'],
  ),
]
