/** Checks of sets, logs, checkpoints, notes, and of what two of them say together. */

import { check, type Check } from './check.js'

export const OF_LOGS: readonly Check[] = [
  check('sets come in order', 'src/client/verify.ts', 'requireLater(set, lastSeq)\n', '', ['repeats a set']),
  check('sets are of the shop', 'src/client/verify.ts', 'requireShop(set, header, trust.shopId)', '', [
    'shows a set of another shop',
  ]),
  check(
    'the first patch is where the push says',
    'src/client/verify.ts',
    'first!.leafIndex !== set.leafIndex',
    'false',
    ['tells another index'],
  ),
  check(
    'who signed a set is a card as of the set before',
    'src/client/verify.ts',
    'if (!isRelay) requireLinked(set, signer, trust)',
    '',
    ['signs a set with a stranger’s key', 'lets a card sign that was removed long ago'],
  ),
  check('as many proofs as patches', 'src/merkle/patch-proof-check.ts', 'proofs.length !== patches.length', 'false', [
    'adds a patch without a proof',
  ]),
  check(
    'patches in their order, none twice',
    'src/merkle/patch-proof-check.ts',
    'before !== undefined && claim.nodeIndex <= before.nodeIndex',
    'false',
    ['repeats a patch', 'reorders patches'],
  ),
  check('a patch is a map', 'src/merkle/patch-proof-check.ts', '  requireMap(patchBytes)\n', '', [
    'takes an interior node for a patch',
  ]),
  check(
    'a patch tree is filled up',
    'src/merkle/leaf-hash-proof.ts',
    'treeSize < 1n || treeSize > PATCH_TREE_NODES_MAX || !isPerfectSize(treeSize)',
    'false',
    ['tells of a leaf more'],
  ),
  check(
    'a path leads to what is trusted',
    'src/merkle/mmr-proof.ts',
    'trusted === undefined || !equalBytes(end.value, trusted)',
    'false',
    ['forges a price', 'proves a write by a path of another'],
  ),
  check(
    'no path too few or too many in a consistency',
    'src/merkle/mmr-consistency.ts',
    'paths.length !== old.length',
    'false',
    ['adds a path to a consistency'],
  ),
  check('all right peaks', 'src/merkle/mmr-consistency.ts', 'rightPeaks.length !== wanted.length', 'false', [
    'leaves the right peaks out',
  ]),
  check('the right right peaks', 'src/merkle/mmr-consistency.ts', '!equalBytes(peak, wanted[i]!)', 'false', [
    'swaps a right peak',
  ]),
  check('as many peaks as a range has', 'src/merkle/mmr-consistency.ts', 'peaks.length !== count', 'false', [
    'proves growth to a log with a peak too many',
  ]),
  check(
    'as many peaks as Seq has ones',
    'src/proofs/checkpoint-form.ts',
    'if (Peaks.length === wanted) return fields',
    'return fields',
    ['signs a peak more for somebody else'],
  ),
  check('one form of a signature', 'src/proofs/checkpoint-form.ts', 'v !== 27 && v !== 28', 'false', [
    'writes a signature in another form',
  ]),
  check(
    'the relay signed a checkpoint',
    'src/proofs/checkpoint-form.ts',
    '!relays.some((relay) => equalBytes(relay, signer))',
    'false',
    ['signs with another key'],
  ),
  check(
    'a checkpoint is of the shop',
    'src/client/shop-checkpoints.ts',
    'requireIdentity(checkpoint.fields, { ...fields, ...this.relay.identity, ShopID: this.shopId })',
    '',
    ['begins with another shop’s checkpoint'],
  ),
  check(
    'a checkpoint is of whom is trusted',
    'src/proofs/checkpoint-acceptance.ts',
    'requireIdentity(next.fields, this.trust)',
    '',
    ['offers another shop’s checkpoint'],
  ),
  check('no checkpoint of the future', 'src/proofs/checkpoint-acceptance.ts', 'requireNotAhead(next, nowSeconds)', '', [
    'signs the future',
  ]),
  check(
    'no two contents for one Seq',
    'src/proofs/later-checkpoint.ts',
    "if (conflict?.kind === 'two-contents') throw",
    "if (conflict?.kind === 'two-contents') return\n  if (false) throw",
    ['signs two contents for one set'],
  ),
  check(
    'time does not fall',
    'src/proofs/later-checkpoint.ts',
    "if (conflict?.kind === 'time-falls') throw",
    'if (false) throw',
    ['turns time back'],
  ),
  check('no checkpoint of before', 'src/proofs/later-checkpoint.ts', 'if (found >= wanted) return', 'return', [
    'replays an old checkpoint',
  ]),
  check(
    'a checkpoint is tied to its last set',
    'src/proofs/checkpoint-acceptance.ts',
    'verifyLast(offered.last, next.fields)',
    '',
    ['takes another set for the last', 'signs a state that its log does not have'],
  ),
  check(
    'growth is proven',
    'src/proofs/later-checkpoint.ts',
    'if (consistency === undefined) throw',
    'if (consistency === undefined) return\n  if (false) throw',
    ['gives no consistency', 'comes back without a proof of growth'],
  ),
  check(
    'the log only grew',
    'src/proofs/later-checkpoint.ts',
    'verifyLogConsistency(consistency, last.fields, next.fields)',
    '',
    ['rewrites the past'],
  ),
  check(
    'a consistency is of the two checkpoints',
    'src/proofs/log-consistency.ts',
    'seq1 !== earlier.Seq || seq2 !== later.Seq',
    'false',
    ['gives the consistency of other sets'],
  ),
  check('as many peaks as the log has', 'src/proofs/log-proof.ts', 'peaks.length !== popcount(head.Seq)', 'false', [
    'proves a set in a log with a peak too many',
  ]),
  check('a set is at its place of the log', 'src/proofs/log-proof.ts', 'index !== wanted', 'false', [
    'proves a write at another place',
  ]),
  check('an answer is of the checkpoint that was asked', 'src/client/same-checkpoint.ts', 'found !== wanted', 'false', [
    'proves under another checkpoint',
  ]),
  check(
    'an answer’s checkpoint is the one that was pushed',
    'src/client/same-checkpoint.ts',
    "if (compared.outcome === 'evidence') throw",
    'if (false) throw',
    ['answers from another history'],
  ),
  check(
    'an answer’s checkpoint is tied to its last set',
    'src/client/same-checkpoint.ts',
    'verifyLast(Last, theirs.fields)',
    '',
    ['answers with another last leaf'],
  ),
  check(
    'what was signed is pushed',
    'src/client/freshness.ts',
    "    throw new ClientError(\n      'VERIFICATION_FAILED',",
    "    if (seq > 0n) return\n    throw new ClientError(\n      'VERIFICATION_FAILED',",
    ['withholds what it signed'],
  ),
  check('an older answer is refused', 'src/client/freshness.ts', ' || Seq < fromSeq', '', [
    'answers with an old checkpoint',
  ]),
  check(
    'age counts from the Timestamp',
    'src/proofs/checkpoint-acceptance.ts',
    'nowSeconds - timeOf(this.last) > verifiedAtSeconds',
    'false',
    ['shows a newcomer the past of all', 'shows a newcomer the past'],
  ),
  check('two contents are evidence', 'src/proofs/conflict.ts', 'if (conflict !== undefined) return conflict', '', [
    'shows two clients two histories: of one length',
    'serves another checkpoint over HTTP',
  ]),
  check(
    'what is not shown is said',
    'src/proofs/conflict.ts',
    "if (consistency === undefined) return { outcome: 'not shown', reason: `nothing was given to show ${asked}` }",
    "if (consistency === undefined) return { outcome: 'consistent' }",
    ['shows two clients two histories: behind'],
  ),
  check(
    'a consistency that does not hold shows nothing',
    'src/proofs/conflict.ts',
    'verifyLogConsistency(consistency, earlier.fields, later.fields)',
    '',
    ['shows two clients two histories: the later one'],
  ),
  check(
    'version 4 proves nothing',
    'src/client/held-view.ts',
    'return { isLoading: !this.host.isSynced(), complete: false, stale: false }',
    'return { isLoading: !this.host.isSynced(), complete: this.host.isSynced(), stale: false }',
    ['pretends to know no proofs'],
  ),
  check(
    'the relay bound a note key',
    'src/notes/binding.ts',
    '!relays.some((relay) => equalBytes(relay, signer))',
    'false',
    ['binds a note key with another key'],
  ),
  check(
    'the note key signed a note',
    'src/notes/signed-note.ts',
    '!ed25519Verify(mine.signature, utf8(text), NoteKey)',
    'false',
    ['signs a note with another key'],
  ),
  check('a note is of the shop', 'src/notes/signed-note.ts', 'first !== origin', 'false', [
    'shows another shop’s note',
  ]),
  check(
    'two bindings of one origin are evidence',
    'src/notes/note-evidence.ts',
    'if (one !== other) return evidence',
    'if (false) return evidence',
    ['binds two note keys'],
  ),
  check(
    'two notes of one size are evidence',
    'src/notes/note-evidence.ts',
    'if (equalBytes(a.root, b.root)) return',
    'return',
    ['signs two notes of one size'],
  ),
  check(
    'note and checkpoint are of one log',
    'src/notes/note-evidence.ts',
    'if (isOfNote === isOfCheckpoint)\n',
    'if (isOfNote || isOfCheckpoint)\n',
    ['signs a note that is not of its checkpoint', 'signs a checkpoint that is not of its note'],
  ),
  check('one signature of the log', 'src/notes/signed-note.ts', 'if (ofLog.length > 1)\n', 'if (false)\n', [
    'signs a note twice',
  ]),
]
