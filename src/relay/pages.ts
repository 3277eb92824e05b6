/**
 * The pages of dist/, made by web/build.mjs, as a relay serves them. That which checks receipts has the address of a
 * relay in it: named by whoever made the page, or by the relay that serves it, which a reader is told to compare.
 *
 * Tests: test/e2e/verify-page.test.ts, test/relay/http.test.ts
 */

import { readFileSync } from 'node:fs'
import type { ShopId } from '../brands.js'
import { VIEW_STATE_PUBLISHED, type Listing } from '../objects/listing.js'
import type { Headers } from './transport/request-head.js'

type PageName = 'verify' | 'storefront' | 'console'

/** What a page says of a relay by itself. */
interface NamedRelay {
  /** 0x and 40 digits each, with spaces between. */
  readonly addresses: string
  readonly namedBy: 'operator' | 'relay'
  /** `chain:0x…`, with spaces between; empty for none. */
  readonly registries: string
}

const PLACE = '<meta name="cairn-relay" content="" data-named-by="" data-registry="" />'

const built = new Map<PageName, string>()

/** The page as it was built, read once; undefined in a clone whose pages were not. */
export function builtPage(name: PageName): string | undefined {
  try {
    const known = built.get(name) ?? readFileSync(new URL(`../../dist/${name}.html`, import.meta.url), 'utf8')
    built.set(name, known)
    return known
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

const CONSOLE_PLACE = '<meta name="cairn-console" data-development="no" data-shop="" />'

/** The console of a development relay: it can say where the development key is, and which shop the demo's is. */
export function developmentConsole(page: string, shop: ShopId | undefined): string {
  if (!page.includes(CONSOLE_PLACE)) throw new RangeError('the page has no place for what a development relay says')
  return page.replace(CONSOLE_PLACE, `<meta name="cairn-console" data-development="yes" data-shop="${shop ?? ''}" />`)
}

/** What the page of a development relay is told, beside what the relay tells everybody. */
export interface StorefrontFacts {
  /** That is shown where the address names none. */
  readonly shop?: ShopId | undefined
  /** The relay's own, 0x and 40 digits: the page need not ask before it shows what it kept. */
  readonly relay?: string | undefined
  /** Where a page may pay for trial: an endpoint whose accounts sign by themselves. Addresses with 0x. */
  readonly chain?: {
    readonly chainId: number
    readonly rpc: string
    readonly payments: string
    readonly token: { readonly address: string; readonly decimals: number; readonly symbol: string }
  }
}

const TITLE = '<title>A shop on cairn</title>'

/** The page of a shop, for programs that read no scripts too: they show a link by its title, text and picture. */
export function storefrontPageFor(page: string, facts: StorefrontFacts, listing: Listing | undefined): string {
  const { shop, relay, chain } = facts
  const attribute = (name: string, value?: string) => (value === undefined ? '' : ` data-${name}="${value}"`)
  const named = attribute('shop', shop?.toString()) + attribute('relay', relay)
  const data = `${named} data-chain="${escaped(JSON.stringify(chain ?? null))}"`
  const { Title = 'A shop on cairn', Description = 'A shop that proves what it shows', Images } = shown(listing) ?? {}
  const [image] = Images ?? []
  const tags = [
    ['og:type', listing === undefined ? 'website' : 'product'],
    ['og:title', Title],
    ['og:description', Description],
    ...(image === undefined ? [] : [['og:image', image] as const, ['og:image:alt', Title] as const]),
  ] as const
  const head = [
    `<title>${escaped(Title)}</title>`,
    `<meta name="description" content="${escaped(Description)}" />`,
    ...tags.map(([property, content]) => `<meta property="${property}" content="${escaped(content)}" />`),
    `<meta name="cairn-storefront"${data} />`,
  ]
  return page.replace(TITLE, () => head.join('\n    '))
}

/** A listing that is not for guests stands in nobody's link. */
function shown(listing: Listing | undefined): Listing['Metadata'] | undefined {
  return listing?.ViewState === VIEW_STATE_PUBLISHED ? listing.Metadata : undefined
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (sign) => `&#${sign.codePointAt(0)};`)
}

/** Whether a page is wanted rather than JSON, as browsers say it and programs do not (RFC 9110 §12.5.1). */
export function prefersHtml(headers: Headers): boolean {
  const ranges = (headers.get('accept') ?? '*/*').split(',').map((range) => range.trim().toLowerCase())
  return weightOf(ranges, 'text/html') > weightOf(ranges, 'application/json')
}

/** That of the most exact range that fits; 0 for none. */
function weightOf(ranges: readonly string[], type: string): number {
  const names = [type, type.replace(/\/.*/u, '/*'), '*/*']
  for (const name of names) {
    const found = ranges.map((range) => range.split(';').map((part) => part.trim())).find(([range]) => range === name)
    if (found === undefined) continue
    const weight = found.find((part) => part.startsWith('q='))?.slice(2)
    return weight === undefined ? 1 : Number(weight) || 0
  }
  return 0
}
