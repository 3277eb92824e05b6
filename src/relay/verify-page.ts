/**
 * The page that checks receipts (dist/verify.html, made by web/build.mjs), with the address of a relay in it: named by
 * whoever made the page, or by the relay that serves it, which a reader is told to compare.
 *
 * Tests: test/e2e/verify-page.test.ts
 */

import { readFileSync } from 'node:fs'

/** What a page says of a relay by itself. */
interface NamedRelay {
  /** 0x and 40 digits each, with spaces between. */
  readonly addresses: string
  readonly namedBy: 'operator' | 'relay'
  /** `chain:0x…`, with spaces between; empty for none. */
  readonly registries: string
}

const PLACE = '<meta name="cairn-relay" content="" data-named-by="" data-registry="" />'

let built: string | undefined

/** The page as it was built, read once; undefined in a clone whose pages were not. */
export function builtVerifyPage(): string | undefined {
  try {
    return (built ??= readFileSync(new URL('../../dist/verify.html', import.meta.url), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The page with that relay in it. Its script and style, and with them the hashes in its policy, stay as they are. */
export function verifyPageFor(page: string, { addresses, namedBy, registries }: NamedRelay): string {
  const values = [addresses, namedBy, registries]
  if (!values.every((value) => /^[0-9a-zA-Z: ]*$/u.test(value)) || !page.includes(PLACE))
    throw new RangeError(`the page has no place for the relay ${addresses}`)
  const data = `data-named-by="${namedBy}" data-registry="${registries}"`
  return page.replace(PLACE, () => `<meta name="cairn-relay" content="${addresses}" ${data} />`)
}
