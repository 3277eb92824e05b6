/**
 * Numbers that must not mix: a value whose type has one of these names is refused where another of them is wanted.
 * Types only, nothing at run time. A plain number or literal, and the result of a calculation, fits each of them: a
 * name is given where a value comes in (an object's schema, a row, a message, a setting) and kept from there on.
 *
 * Tests: test/brands.test.ts
 */

declare const brand: unique symbol

type Branded<T, Name extends string> = T & { readonly [brand]?: Name }

/** 0 … 2^256−1 (PROTOCOL §1). */
export type ShopId = Branded<bigint, 'ShopId'>
/** 1 … 2^64−1. */
export type OrderId = Branded<bigint, 'OrderId'>
/** 1 … 2^64−1. */
export type ListingId = Branded<bigint, 'ListingId'>
/** EIP-155: 1 … 2^64−1. */
export type ChainId = Branded<bigint, 'ChainId'>
/** A time since 1970, or a duration. */
export type Seconds = Branded<bigint, 'Seconds'>
/** In a currency's smallest unit, 0 … 2^256−1. */
export type Amount = Branded<bigint, 'Amount'>
/** The number of a set in its shop's log: 1, 2, 3 …; 0 before the first. */
export type Seq = Branded<number, 'Seq'>
