/**
 * Where the client and the verifiers throw and no row of the tables of checks takes it out: why not. A new check stands
 * either there, with a lie that it alone finds out, or here.
 */

export interface LeftIn {
  readonly file: string
  /** A part of the line that throws; all of it where it ends with a bracket. */
  readonly text: string
  readonly why: string
}

const left = (file: string, text: string, why: string): LeftIn => ({ file, text, why })

/** Bytes of another form: without the check what follows in them cannot be read, or is left over at the end. */
const FORM = 'the form of bytes'
/** Without the check a malicious answer costs more, and proves nothing more. */
const BOUND = 'a bound of what is read or computed'
/** What the next line needs is not there: it throws by itself. */
const NOTHING = 'there is nothing to go on with'
/** Functions that a relay makes proofs with. */
const MAKING = 'making, not verifying'
/** Whoever shows evidence has to show that it is the relay's. */
const ACCUSED = 'against who accuses a relay, not against the relay'
/** Nothing is shown as proven while it is waited for. */
const WAITING = 'the end of waiting'
/** Of a caller who asks for what no proof answers. */
const QUESTION = 'a question that nobody can answer'
/** The check is taken out where it is called. */
const by = (check: string) => `check: ${check}`
/** Found out by another check as well, whatever the lie. */
const doubled = (why: string) => `doubled: ${why}`

export const LEFT_IN: readonly LeftIn[] = [
  left('src/client/verify.ts', 'comes after set', by('sets come in order')),
  left('src/client/verify.ts', 'is of shop', by('sets are of the shop')),
  left('src/client/verify.ts', 'its signature has', doubled('the recovery of a key takes 65 bytes')),
  left('src/client/verify.ts', 'its signature leads to no key', NOTHING),
  left('src/client/verify.ts', 'nor a card of the shop', by('who signed a set is a card as of the set before')),
  left('src/client/shop-chain.ts', 'names no relay in', NOTHING),
  left('src/client/shop-chain.ts', 'has no owner in', NOTHING),
  left('src/client/shop-chain.ts', 'says that it is', doubled('checkpoints name the token, and its owner signs them')),
  left('src/client/shop-chain.ts', 'what eth_call answers is no bytes', FORM),
  left('src/client/shop-chain.ts', 'the endpoint is of chain', doubled('checkpoints name the chain')),
  left('src/client/shop-chain.ts', 'is the address of a contract', QUESTION),
  left('src/client/proven-shop.ts', 'objects come before a checkpoint that they could be checked by', NOTHING),
  left('src/client/proof-requests.ts', 'was answered, and no push brought it or a later one', WAITING),
  left('src/client/proof-requests.ts', 'times with checkpoints that no push brought', WAITING),
  left('src/client/proof-requests.ts', 'if (checkpoints.isEnded) throw clientClosed()', WAITING),
  left('src/merkle/patch-proof.ts', 'throw new NoPatchesError()', MAKING),
  left('src/merkle/patch-proof.ts', 'throw new PatchPlaceError(place, this.patches)', MAKING),
  left('src/merkle/patch-proof-check.ts', 'there is no patch to prove', NOTHING),
  left(
    'src/merkle/patch-proof-check.ts',
    'set-tree-size',
    doubled('an interior node is hashed with its position, so one root is that of one size'),
  ),
  left('src/merkle/patch-proof-check.ts', 'the patch is not a CBOR map', by('a patch is a map')),
  left('src/merkle/leaf-hash-proof.ts', 'is not an array of three', FORM),
  left('src/merkle/leaf-hash-proof.ts', 'has no node index', FORM),
  left('src/merkle/leaf-hash-proof.ts', 'has no tree size', FORM),
  left('src/merkle/leaf-hash-proof.ts', 'has no path', FORM),
  left(
    'src/merkle/leaf-hash-proof.ts',
    'the leaf is padding, not a patch',
    doubled('padding is the hash of nothing, which is no map'),
  ),
  left(
    'src/merkle/mmr-proof.ts',
    "throw refuse('tree-size', `${size} nodes are no whole number",
    doubled('sizes are computed from Seqs, and those of patch trees are perfect'),
  ),
  left('src/merkle/mmr-proof.ts', 'is not among', doubled('no peak covers such a node')),
  left(
    'src/merkle/mmr-proof.ts',
    'elements, not',
    doubled('an interior node is hashed with its position: another length leads elsewhere'),
  ),
  left('src/merkle/mmr-proof.ts', 'a hash has', doubled('a node is 32 bytes where it is hashed')),
  left(
    'src/merkle/mmr-consistency.ts',
    'nodes are not fewer than',
    doubled('callers compare checkpoints of rising Seq'),
  ),
  left(
    'src/merkle/mmr-consistency.ts',
    "throw new ProofError('tree-size', `${size} nodes are no whol",
    doubled('sizes are computed from Seqs, and those of patch trees are perfect'),
  ),
  left('src/merkle/mmr-consistency.ts', 'a peak has', doubled('a node is 32 bytes where it is hashed')),
  left(
    'src/merkle/mmr-proof.ts',
    'is not a leaf',
    doubled('what an interior node is the hash of is no map, and log indices are computed'),
  ),
  left('src/merkle/state-level.ts', 'is null and nothing yields it', NOTHING),
  left('src/merkle/state-level.ts', 'are needed', FORM),
  left('src/merkle/state-question.ts', "the guests' account is in no state proof", QUESTION),
  left('src/merkle/state-question.ts', 'bytes, the manifest has none', QUESTION),
  left('src/merkle/state-proof.ts', 'level-null', doubled('what a proof yields stands in place of its digest')),
  left('src/merkle/state-answers.ts', 'bytes, at most', BOUND),
  left('src/merkle/state-proof-fold.ts', 'empty-siblings', NOTHING),
  left('src/merkle/state-proof-fold.ts', 'siblings, more are needed', NOTHING),
  left(
    'src/merkle/state-proof-fold.ts',
    'ends above another item',
    doubled('a way that ends above it has another root'),
  ),
  left('src/merkle/state-proof-form.ts', 'fields, Level and Parts are needed', FORM),
  left('src/merkle/state-proof-form.ts', 'fields, Manifest is the third and last', FORM),
  left('src/merkle/state-proof-form.ts', 'stands in the place of', FORM),
  left('src/merkle/state-proof-form.ts', 'collections', BOUND),
  left('src/merkle/state-proof-form.ts', 'items, 4 or 5 are needed', FORM),
  left('src/merkle/state-proof-form.ts', "throw new StateProofError('part-order', 'Parts', problem)", FORM),
  left('src/merkle/state-proof-form.ts', "throw new StateProofError('form', collection, `a part of ${f", FORM),
  left('src/merkle/state-proof-form.ts', 'bytes of siblings, each has', FORM),
  left('src/merkle/state-proof-form.ts', 'a part without items', FORM),
  left('src/merkle/state-proof-form.ts', 'items, at most', BOUND),
  left('src/merkle/state-proof-form.ts', 'items, 2 or 3 are needed', FORM),
  left('src/merkle/state-proof-form.ts', 'items, 3 are needed', FORM),
  left('src/merkle/state-proof-form.ts', 'fields, 1 and 2 are needed', FORM),
  left('src/merkle/state-proof-form.ts', "another leaf's field", FORM),
  left(
    'src/merkle/state-root-stream.ts',
    'throw new StateLeafOrderError(last, leaf.keyHash)',
    doubled('objects of a snapshot come by rising K'),
  ),
  left('src/merkle/card-periods.ts', 'throw new StateProofError(', FORM),
  left('src/merkle/card-periods.ts', 'fields, Periods is the only one', FORM),
  left('src/merkle/card-periods.ts', 'items, 2 or 3 are needed', FORM),
  left('src/proofs/checkpoint-form.ts', 'checkpoint.Seq: no log has', BOUND),
  left('src/proofs/checkpoint-form.ts', "the checkpoint's", by('a checkpoint is of the shop')),
  left('src/proofs/checkpoint-form.ts', 'its signature has', doubled('the recovery of a key takes 65 bytes')),
  left('src/proofs/checkpoint-form.ts', 'its signature leads to no key', NOTHING),
  left('src/proofs/log-proof.ts', 'throw new LogSeqError(`set ${seq} is not in a log of ${head}', MAKING),
  left('src/proofs/log-consistency.ts', 'does not go on from set', MAKING),
  left('src/proofs/log-proof.ts', 'node-index', doubled('a node of a later set is not among those of the head')),
  left(
    'src/proofs/log-consistency.ts',
    'does not come after set',
    doubled('callers compare checkpoints of rising Seq'),
  ),
  left('src/proofs/log-proof.ts', "throw new ProofError('tree-size', new LeafCountError(Seq).me", BOUND),
  left(
    'src/proofs/snapshot.ts',
    'the end',
    doubled('accounts are always subscribed to whole: their root is another without the last piece'),
  ),
  left('src/proofs/hand-over.ts', '(!equalBytes(own, From)) throw', MAKING),
  left(
    'src/proofs/hand-over.ts',
    "throw new CheckpointError('signer', problem",
    by('hand-overs lead from a key that is known'),
  ),
  left('src/proofs/hand-over.ts', "throw new CheckpointError('circle', problem", by('hand-overs lead to an end')),
  left('src/proofs/hand-over.ts', 'to itself', doubled('that is a circle of one')),
  left('src/proofs/hand-over.ts', "the hand-over's", by('all hand-overs are of one relay')),
  left('src/proofs/snapshot.ts', 'bytes so far, at most', BOUND),
  left('src/proofs/snapshot.ts', "throw new SnapshotError('too-large', questionName(question), problem)", BOUND),
  left(
    'src/proofs/snapshot.ts',
    'its salt is not known',
    doubled('it is asked for at the start and where the root is compared'),
  ),
  left('src/proofs/snapshot.ts', 'it leads to StateRoot', by('a snapshot’s level is that of its StateRoot')),
  left('src/proofs/my-orders.ts', 'are listed', BOUND),
  left('src/proofs/my-orders.ts', 'proofs of the rest that answer nothing', BOUND),
  left('src/proofs/receipt-form.ts', 'bytes, at most', BOUND),
  left('src/proofs/receipt-form.ts', 'more than', BOUND),
  left('src/proofs/receipt-form.ts', 'is known', FORM),
  left(
    'src/proofs/receipt-history.ts',
    'the first set does not add the order',
    doubled('by the rules nothing but an add changes an order that is not there'),
  ),
  left('src/proofs/receipt-history.ts', 'was removed', NOTHING),
  left('src/proofs/receipt-sets.ts', ', which is no order', doubled('all patches have to be of one order')),
  left('src/proofs/receipt-total.ts', 'is null in Level', NOTHING),
  left('src/proofs/receipt-total.ts', 'payment was asked, and the order has no ChosenCurrency', NOTHING),
  left('src/proofs/receipt-total.ts', 'payment was asked, and the order has no address', NOTHING),
  left('src/proofs/receipt-total.ts', 'no shipping region of the manifest matches the address', NOTHING),
  left('src/proofs/receipt-total.ts', 'throw refuse(computed)', NOTHING),
  left('src/proofs/receipt-verifier.ts', 'the state does not hold order', NOTHING),
  left('src/proofs/receipt-verifier.ts', 'signer', doubled('the state proof has to answer for each signer')),
  left('src/wire/snapshot-payloads.ts', 'items, Collection and Key are needed', FORM),
  left('src/wire/snapshot-payloads.ts', 'items of', FORM),
  left('src/wire/snapshot-payloads.ts', 'bytes, not', BOUND),
  left('src/wire/snapshot-payloads.ts', 'no collection,', FORM),
  left('src/wire/snapshot-payloads.ts', 'bytes, 32 are needed', FORM),
  left('src/wire/snapshot-payloads.ts', 'more is neither true nor false', FORM),
  left('src/notes/binding.ts', 'a binding is a map', FORM),
  left('src/notes/binding.ts', 'a binding of version', FORM),
  left('src/notes/binding.ts', 'a binding without', FORM),
  left('src/notes/binding.ts', 'a binding with a field that none has', FORM),
  left('src/notes/binding.ts', 'the signature of the binding leads to no key', NOTHING),
  left('src/notes/signed-note.ts', 'no note is of', MAKING),
  left('src/notes/signed-note.ts', 'a root has 32 bytes, not', MAKING),
  left('src/notes/signed-note.ts', 'sets has no signature of the log', NOTHING),
  left('src/notes/signed-note.ts', 'key-id', doubled('the signature is checked with the bound key')),
  left('src/notes/signed-note.ts', 'a note is a text, an empty line and signatures', FORM),
  left('src/notes/signed-note.ts', 'lines, not 3', FORM),
  left('src/notes/signed-note.ts', 'a note with more than', BOUND),
  left('src/notes/signed-note.ts', 'the size of a note is a number without leading zeros, not', FORM),
  left('src/notes/signed-note.ts', 'the root of a note is 32 bytes in base64, not', FORM),
  left('src/notes/signed-note.ts', 'no signature line:', FORM),
  left('src/notes/note-evidence.ts', 'one of the statements must be shown in the log of a note', ACCUSED),
  left('src/notes/note-evidence.ts', 'the notes are under two bindings: of', ACCUSED),
  left('src/notes/statement.ts', 'of the log, not leaf', ACCUSED),
  left('src/notes/statement.ts', 'inclusion', ACCUSED),
]

/** Errors that are told in other words, or passed on. */
export const PASSED_ON = /throw (?:cause|error)\b|\bcause\b|, error\)|error as Error/u

/** The files whose checks the tables hold. */
export const CHECKED_FILES: readonly string[] = [
  'src/client/verify.ts',
  'src/client/proven-shop.ts',
  'src/client/part-proofs.ts',
  'src/client/proof-requests.ts',
  'src/client/same-checkpoint.ts',
  'src/client/shop-checkpoints.ts',
  'src/client/freshness.ts',
  'src/client/shop-proofs.ts',
  'src/client/set-follower.ts',
  'src/client/kept-shop.ts',
  'src/client/held-view.ts',
  'src/merkle/patch-proof.ts',
  'src/merkle/patch-proof-check.ts',
  'src/merkle/leaf-hash-proof.ts',
  'src/merkle/mmr-consistency.ts',
  'src/merkle/mmr-proof.ts',
  'src/merkle/state-level.ts',
  'src/merkle/state-object.ts',
  'src/merkle/state-question.ts',
  'src/merkle/state-answers.ts',
  'src/merkle/state-proof.ts',
  'src/merkle/state-proof-fold.ts',
  'src/merkle/state-proof-form.ts',
  'src/merkle/state-root-stream.ts',
  'src/merkle/card-periods.ts',
  'src/proofs/checkpoint-acceptance.ts',
  'src/proofs/later-checkpoint.ts',
  'src/proofs/hand-over.ts',
  'src/client/followed-relay.ts',
  'src/client/shop-chain.ts',
  'src/proofs/checkpoint-form.ts',
  'src/proofs/log-consistency.ts',
  'src/proofs/log-proof.ts',
  'src/proofs/conflict.ts',
  'src/proofs/evidence.ts',
  'src/proofs/snapshot.ts',
  'src/proofs/held-shop.ts',
  'src/proofs/held-objects.ts',
  'src/proofs/my-orders.ts',
  'src/proofs/receipt-form.ts',
  'src/proofs/receipt-history.ts',
  'src/proofs/receipt-sets.ts',
  'src/proofs/receipt-total.ts',
  'src/proofs/receipt-verifier.ts',
  'src/wire/proof-payloads.ts',
  'src/wire/snapshot-payloads.ts',
  'src/notes/binding.ts',
  'src/notes/signed-note.ts',
  'src/notes/note-evidence.ts',
  'src/notes/statement.ts',
]
