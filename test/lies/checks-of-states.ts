/** Checks of states: snapshots, proofs, what is held, and what is asked. */

import { check, type Check } from './check.js'

export const OF_STATES: readonly Check[] = [
  check('the schema is known', 'src/merkle/state-level.ts', 'schemaVersion !== KNOWN_SCHEMA_VERSION', 'false', [
    'speaks another schema',
  ]),
  check(
    'a snapshot’s level is that of its StateRoot',
    'src/proofs/snapshot.ts',
    'requireLevel(level, claim.stateRoot)',
    '',
    ['leaves a neighbour out and moves the level along'],
  ),
  check(
    'a checkpoint’s level is that of its StateRoot',
    'src/client/proven-shop.ts',
    'requireLevel(level, checkpoint.fields.StateRoot)',
    '',
    ['drops a patch and moves the level along', 'shows a level of another state to a part'],
  ),
  check(
    'nothing that was not subscribed to',
    'src/proofs/snapshot.ts',
    "selected === 'whole' || selected?.(key) === true",
    'true',
    ['sends what was not asked for'],
  ),
  check('collections in their order', 'src/proofs/snapshot.ts', 'place < this.place)', 'false)', [
    'shuffles a part of a snapshot',
  ]),
  check(
    'objects in their order, none twice',
    'src/proofs/snapshot.ts',
    'this.last === undefined || compareBytes(this.last, keyHash) < 0',
    'true',
    ['sends an object twice'],
  ),
  check('the manifest comes', 'src/proofs/snapshot.ts', 'if (this.last === undefined) throw', 'if (false) throw', [
    'leaves the manifest out',
  ]),
  check(
    'the manifest is that of the level',
    'src/proofs/snapshot.ts',
    'if (found !== wanted) throw',
    'if (false) throw',
    ['forges the manifest'],
  ),
  check('the manifest is the shop’s', 'src/merkle/state-object.ts', 'found !== shopId', 'false', [
    'sends another shop’s manifest',
  ]),
  check(
    'pieces come together',
    'src/proofs/snapshot.ts',
    'if (this.pieces.length > 0 && item.more === undefined) throw',
    'if (false) throw',
    ['puts an object between two pieces'],
  ),
  check(
    'nothing is missing in a whole collection',
    'src/proofs/snapshot.ts',
    'if (equalBytes(found, level.roots[name])) return',
    'return',
    ['leaves an object out of a snapshot', 'drops a patch of a whole collection'],
  ),
  check(
    'an entry of orders is an order’s or a card’s',
    'src/merkle/state-question.ts',
    "collection === 'Orders' && !isOrderId(key) && key.length !== CARD_BYTES",
    'false',
    ['keeps an entry that is neither order nor card'],
  ),
  check(
    'an object has the id of its key',
    'src/merkle/state-object.ts',
    'if (id !== undefined && isOrderId(key) && id === fromBigEndian(key)) return',
    'return',
    ['swaps two objects'],
  ),
  check(
    'an object is in its one form',
    'src/merkle/state-object.ts',
    '() => checkDeterministic(value)',
    '() => undefined',
    ['writes an object in another form'],
  ),
  check(
    'a card’s entry counts orders',
    'src/merkle/state-object.ts',
    'if (count !== undefined && count >= 1n && count >> 64n === 0n) return',
    'return',
    ['counts no orders of a card'],
  ),
  check('a card has periods', 'src/merkle/card-periods.ts', 'if (count === 0) throw', 'if (false) throw', [
    'forges the periods of a card',
  ]),
  check(
    'what is held is what is proven',
    'src/proofs/held-shop.ts',
    'if (found !== wanted) throw',
    'if (false) throw',
    ['drops a patch', 'changes a value that no set changes'],
  ),
  check('a proof leads to the StateRoot', 'src/merkle/state-proof.ts', '!equalBytes(found, root)', 'false', [
    'forges a price in snapshot and proof',
  ]),
  check('what is asked is answered', 'src/merkle/state-answers.ts', 'if (!isAnswered) throw', 'if (false) throw', [
    'answers nothing',
  ]),
  check(
    'nothing else is answered',
    'src/merkle/state-answers.ts',
    'if (stray !== undefined) throw',
    'if (false) throw',
    ['answers what was not asked'],
  ),
  check('another leaf is not the key’s own', 'src/merkle/state-proof.ts', 'shared === 256', 'false', [
    'forges an absence by the object itself',
  ]),
  check('another leaf lies where its K leads', 'src/merkle/state-proof.ts', 'shared < depth', 'false', [
    'forges an absence by a leaf of elsewhere',
  ]),
  check(
    'items by rising K',
    'src/merkle/state-proof.ts',
    'before !== undefined && compareBytes(before.keyHash, end.keyHash) >= 0',
    'false',
    ['swaps items'],
  ),
  check(
    'no lone leaf below its place',
    'src/merkle/state-proof-fold.ts',
    "other?.kind === 'empty' || other?.kind === 'leaf'",
    'other !== undefined && depth < 0',
    ['pushes a leaf down', 'hides a leaf beside nothing'],
  ),
  check('one end for one place', 'src/merkle/state-proof-fold.ts', '!equalBytes(other.digest, digest)', 'false', [
    'proves two things of one place',
  ]),
  check('no end below an end', 'src/merkle/state-proof-fold.ts', 'other.depth !== depth', 'false', [
    'ends below an end',
  ]),
  check('a bitmap as long as it needs', 'src/merkle/state-proof-fold.ts', 'bitmap.length !== needed', 'false', [
    'writes a longer bitmap',
  ]),
  check(
    'no bit behind the bitmap',
    'src/merkle/state-proof-fold.ts',
    'needed > 0 && (bitmap[needed - 1]! & (2 ** unused - 1)) !== 0',
    'false',
    ['sets unused bits'],
  ),
  check(
    'no sibling is left over',
    'src/merkle/state-proof-fold.ts',
    'siblings.length !== this.shown * DIGEST_BYTES',
    'false',
    ['leaves a sibling over'],
  ),
  check(
    'no sibling of zeros',
    'src/merkle/state-proof-fold.ts',
    'siblings[at] === 0 && isAllZero(siblings.subarray(at, at + DIGEST_BYTES))',
    'false',
    ['writes an empty sibling out'],
  ),
  check('no place below 256 levels', 'src/merkle/state-proof-form.ts', 'depth > STATE_DEPTH_MAX', 'false', [
    'goes deeper than keys are long',
  ]),
  check('parts in their order, each once', 'src/merkle/state-proof-form.ts', 'place <= before', 'false', [
    'swaps parts',
  ]),
  check('an answer is in its one form', 'src/wire/proof-payloads.ts', '    checkDeterministic(bytes)\n', '', [
    'writes an answer in another form',
  ]),
  check('an own set is what the log has', 'src/client/proof-requests.ts', 'requireOwnLeaf(set, answer)\n', '', [
    'takes a write and logs another',
    'tells another state after a write',
  ]),
  check('an own set is in the log', 'src/client/proof-requests.ts', 'verifyLogInclusion(', 'void (', [
    'proves a write by a path of another',
  ]),
  check(
    'no set before the end of the snapshot',
    'src/client/shop-proofs.ts',
    'version === 5 && !this.proven.hasState',
    'false',
    ['pushes a set before the snapshot’s end'],
  ),
  check(
    'the manifest is what the sets make',
    'src/client/proven-shop.ts',
    "requireManifestHash(held.treeObject(['Manifest', new Uint8Array(0)])?.value, level)",
    'void level',
    ['forges the manifest in a set'],
  ),
  check(
    'staff gets what it may read',
    'src/client/proven-shop.ts',
    'if (own !== undefined)\n',
    'if (own !== undefined && own.length === 0)\n',
    ['withholds staff’s rights'],
  ),
  check(
    'a card’s orders are as many as it added',
    'src/proofs/my-orders.ts',
    'number !== BigInt(list.length)',
    'false',
    ['hides an order behind the card’s entry'],
  ),
  check('a card’s last order is the last of the list', 'src/proofs/my-orders.ts', 'last !== lastSeq', 'false', [
    'tells another last set of a card',
  ]),
  check(
    'a card’s orders are those of its trail',
    'src/proofs/my-orders.ts',
    'if (equalBytes(found, trail)) return',
    'return',
    ['swaps an order for another’s'],
  ),
  check(
    'no order that is not the card’s',
    'src/client/part-proofs.ts',
    'for (const { question, held: object } of orders) requireHeld',
    'for (const { question, held: object } of []) requireHeld',
    ['adds an order to a guest’s'],
  ),
  check(
    'no order of the card is missing',
    'src/client/part-proofs.ts',
    'if (!held.has(questionName(question))) requireHeld',
    'if (false) requireHeld',
    ['leaves an order out of a guest’s snapshot'],
  ),
  check(
    'what is kept is proven whole',
    'src/client/part-proofs.ts',
    'if (!proven.has(questionName(question)))\n',
    'if (false)\n',
    ['keeps nothing of a listing'],
  ),
  check(
    'all orders that are listed are proven',
    'src/proofs/my-orders.ts',
    'if (missing.length > 0)\n',
    'if (false)\n',
    ['keeps no order of a card'],
  ),
  check(
    'no field that an answer does not have',
    'src/wire/proof-payloads.ts',
    'if (!all.includes(name) && !allowed.includes(name))\n',
    'if (false)\n',
    ['adds a field to an answer'],
  ),
  check(
    'age of what proves a part',
    'src/client/shop-proofs.ts',
    'now() - signedAt > this.options.verifiedAtSeconds',
    'false',
    ['withholds proofs of a part', 'answers no question for proofs of a part'],
  ),
]
