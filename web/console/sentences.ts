/** What went wrong, as sentences, and which field of a form it is about. Pure. */

import { ClientError, type Change } from 'cairn-relay/client'

/** What was written in a field cannot be taken. `message`: a sentence that names it. */
export class FieldProblem extends Error {
  /** As its form calls it. */
  readonly field: string

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

/** What `read` makes of a field's text. Throws FieldProblem where that throws; `label`: what people call the field. */
export function ofField<T>(field: string, read: () => T, label = field): T {
  try {
    return read()
  } catch (cause) {
    throw new FieldProblem(field, `${label}: ${sentenceOf(cause)}`, { cause })
  }
}

/** A set was refused, and others before it were not. */
export class PartlyWritten extends Error {
  constructor(last: bigint, cause: unknown) {
    super(writtenText(last), { cause })
  }
}

/** `last`: the set up to which all was written; undefined for none. */
export function writtenText(last: bigint | undefined): string {
  return last === undefined ? 'Nothing was written.' : `What stood before it is on disk as set ${last}.`
}

export function sentenceOf(error: unknown): string {
  if (error instanceof PartlyWritten) return `${error.message} Then: ${sentenceOf(error.cause)}`
  if (!(error instanceof ClientError)) return walletSentence(error)
  const { code, message, remedy, path } = error
  // Of a text that a person wrote: which argument of a call it was is nothing to him.
  if (code === 'USAGE')
    return withRemedy(message.startsWith(`${path}: `) ? message.slice(path!.length + 2) : message, remedy)
  return withRemedy(`${message} (${code})`, remedy)
}

/** Of viem in two sentences: its own message has its version and all that was sent. */
function walletSentence(error: unknown): string {
  const { shortMessage, details, message } = error as Error & Readonly<Record<'shortMessage' | 'details', unknown>>
  if (typeof shortMessage !== 'string') return message
  return typeof details === 'string' && details !== '' ? withRemedy(shortMessage, details) : shortMessage
}

/** Said once. */
function withRemedy(text: string, remedy: string): string {
  return text.includes(remedy) ? text : `${text.replace(/\.$/u, '')}. ${remedy}`
}

/** A field that was refused, and why. */
export interface Refused {
  readonly field: string
  readonly text: string
}

/** Undefined where it is about no field. */
export function refusedOf(error: unknown): Refused | undefined {
  if (error instanceof PartlyWritten) return refusedOf(error.cause)
  return error instanceof FieldProblem ? { field: error.field, text: error.message } : undefined
}

/** A refusal of `changes`, as one of the field that it is about, where the relay or the client names one. */
export function refusalOf(error: unknown, changes: readonly Change[]): unknown {
  if (!(error instanceof ClientError)) return error
  const { path, message } = error
  const index = /^changes\[(\d+)\]/u.exec(path ?? message)?.[1]
  if (index === undefined) return error
  const text = [...(changes[Number(index)]?.path ?? []), message].join(' ')
  const field = FIELDS.find(([word]) => new RegExp(`\\b${word}\\b`, 'u').test(text))?.[1]
  return field === undefined ? error : new FieldProblem(field, `${field}: ${sentenceOf(error)}`, { cause: error })
}

/** By the words of paths; what stands inside of others first. */
const FIELDS: readonly (readonly [word: string, field: string | undefined])[] = [
  // These have names of their own in the form.
  ['Options', undefined],
  ['PriceModifiers', 'Adds'],
  ['PostalCode', 'Postal code'],
  ['Country', 'Country'],
  ['City', 'City'],
  ['ShippingRegions', 'Name'],
  ['Payees', 'Address'],
  ['AcceptedCurrencies', 'Address'],
  ['Inventory', 'Pieces in stock'],
  ['Tags', 'Tags'],
  ['Title', 'Title'],
  ['Description', 'Description'],
  ['Price', 'Price'],
  ['ViewState', 'State'],
]
