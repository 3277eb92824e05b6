/** The form of a received PatchSet (PROTOCOL §4): where its parts lie, so that their bytes are kept as they came. */

import { MAP } from '../codec/head.js'
import { namedFields } from '../codec/fields.js'
import { arrayItems, byteString, checkForm, majorTypeAt, type Span } from '../codec/span.js'
import { CborError } from '../codec/value.js'
import { CBOR_NESTING_MAX } from '../limits.js'

/** Where a PatchSet's parts lie; `signature` is the 65 bytes without their head. */
interface PatchSetSpans {
  readonly header: Span
  readonly signature: Span
  readonly patches: readonly Span[]
}

const FIELDS = ['Header', 'Signature', 'Patches'] as const

/**
 * Checks the form of a PatchSet (§4) and finds its parts: exactly the three fields, at least one patch, each a map.
 * Throws CborError.
 */
export function patchSetSpans(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): PatchSetSpans {
  checkForm(bytes, maxDepth)
  const { spans, unknown } = namedFields(bytes, 0, FIELDS)
  for (const [i, name] of FIELDS.entries())
    if (spans[i] === undefined) throw new CborError('shape', 0, `the patch set has no ${name}`)
  const [header, signatureItem, patchesItem] = spans as readonly [Span, Span, Span]
  if (unknown !== undefined)
    throw new CborError('shape', 0, `the patch set has an unknown field ${JSON.stringify(unknown.slice(0, 64))}`)
  if (majorTypeAt(bytes, header.start) !== MAP) throw new CborError('shape', header.start, 'Header is not a map')
  const signature = byteString(bytes, signatureItem.start)
  if (signature.length !== 65)
    throw new CborError('shape', signatureItem.start, `Signature has ${signature.length} bytes, not 65`)
  const patches = arrayItems(bytes, patchesItem.start)
  if (patches.length === 0) throw new CborError('shape', patchesItem.start, 'Patches is empty')
  for (const { start } of patches) {
    if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'a patch is not a map')
  }
  return { header, signature: { start: signatureItem.end - 65, end: signatureItem.end }, patches }
}
