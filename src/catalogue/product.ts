/**
 * A product as a product file tells it, and what is wrong with a file. What a file has no column for, or a cell says
 * nothing of, is undefined: a shop keeps what it has there.
 *
 * Tests: test/catalogue/read-products.test.ts
 */

import type { Amount, ListingId } from '../brands.js'

/** A product of a file: what it does not say is undefined, and stays as the shop has it. */
export interface Product {
  /** The row it begins in, as a spreadsheet counts: the header is row 1. */
  readonly row: number
  readonly handle: string
  readonly id: ListingId
  readonly title: string
  readonly description: string | undefined
  readonly images: readonly string[] | undefined
  /** 0 not published, 1 published, 2 deleted. */
  readonly viewState: 0n | 1n | 2n | undefined
  readonly tags: readonly string[] | undefined
  /** Names of its options; none for a product that there is in one form only. */
  readonly options: readonly string[]
  /** At least one; a product without options has one. */
  readonly variants: readonly Variant[]
}

/** One row of a product: what there is to buy, with its price and stock. */
export interface Variant {
  readonly row: number
  /** One for each option. */
  readonly values: readonly string[]
  readonly price: Amount | undefined
  /** Empty for none. */
  readonly sku: string | undefined
  /** Empty for none. */
  readonly image: string | undefined
  /** Pieces in stock. */
  readonly quantity: bigint | undefined
}

/** Why a row cannot be taken. Its product is not taken at all. */
export interface Problem {
  readonly row: number
  readonly column: string
  readonly reason: string
}

/** What is worth knowing of a file, and wrong with nothing: how many rows, and the first of them. */
export interface Notice {
  readonly row: number
  readonly rows: number
  readonly text: string
}

/** Notices of one kind are counted, not repeated. */
export class Notices {
  private readonly byText = new Map<string, { row: number; rows: number }>()

  add(row: number, text: string): void {
    const known = this.byText.get(text)
    if (known === undefined) this.byText.set(text, { row, rows: 1 })
    else known.rows++
  }

  list(): Notice[] {
    return [...this.byText].map(([text, { row, rows }]) => ({ row, rows, text }))
  }
}

/** What a file holds, and what is wrong with it. */
export interface ReadProducts {
  /** Those of which every row is right. */
  readonly products: readonly Product[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Notice[]
  /** Columns without a place, each with how many of its cells say something. */
  readonly unplaced: readonly { readonly column: string; readonly cells: number }[]
  /** All that the file names, right or wrong. */
  readonly ids: ReadonlySet<ListingId>
}
