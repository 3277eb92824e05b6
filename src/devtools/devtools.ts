/**
 * A panel for who makes a shop page, in the corner of that page: `mountDevtools`.
 *
 * Tests: test/devtools/devtools.test.ts
 */

import type { ShopClient } from '../client/shop-client.js'
import { sectionsOf, type Section } from './sections.js'
import { STYLE } from './style.js'

/** While the panel is open it looks at the client so often. */
const LOOK_MS = 500

/**
 * Shows how a client stands in a corner of the page: its connection, what is watched and proven, what was checked,
 * writes that wait, and what it told. A button opens the panel, Escape closes it. It lives in a shadow root of its own
 * at the end of `element` (the page's body if left out), subscribes to nothing and writes nothing. The returned
 * function takes it away. It never throws: what goes wrong in it stands in the panel, and where there is no page, or no
 * client, nothing happens.
 *
 * @example
 * ```ts
 * import { mountDevtools } from 'cairn-relay/devtools'
 *
 * // In a page: mountDevtools(await connect({ … })). On a server nothing happens.
 * const unmount = mountDevtools(undefined)
 * console.log(unmount()) // undefined
 * ```
 */
export function mountDevtools(shop: ShopClient | undefined, element?: Element): () => void {
  try {
    if (shop !== undefined && typeof document !== 'undefined') return mounted(shop, element ?? document.body)
  } catch (error) {
    console.warn('cairn devtools:', error)
  }
  return () => undefined
}

function mounted(shop: ShopClient, element: Element): () => void {
  const host = document.createElement('div')
  const looks = { id: 'panel', role: 'group', 'aria-label': 'How the client stands', tabindex: '0', hidden: '' }
  const panel = made('div', looks)
  const button = made('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': 'panel' })
  const all = made('section', { 'aria-label': 'cairn devtools' }, panel, button)
  host.attachShadow({ mode: 'open' }).append(made('style', {}, STYLE), all)
  let shown = ''
  const look = guarded(panel, () => {
    button.dataset['state'] = shop.state
    button.textContent = `cairn: ${shop.state}`
    if (panel.hidden) return
    const sections = sectionsOf(shop.diagnose(), shop.outbox().get(), Date.now())
    const text = JSON.stringify(sections)
    // What is read or selected stays until something changes.
    if (text !== shown) panel.replaceChildren(...sections.flatMap(drawn))
    shown = text
  })
  const open = (isOpen: boolean) => {
    panel.hidden = !isOpen
    button.setAttribute('aria-expanded', String(isOpen))
    shown = ''
    look()
    ;(isOpen ? panel : button).focus()
  }
  button.addEventListener('click', () => open(panel.hidden !== false))
  all.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && panel.hidden === false) open(false)
  })
  const stop = shop.onState(look)
  element.append(host)
  const timer = setInterval(look, LOOK_MS)
  look()
  return () => {
    clearInterval(timer)
    stop()
    host.remove()
  }
}

/** `act`, whose errors are shown in the panel: the page gets none. */
function guarded(panel: HTMLElement, act: () => void): () => void {
  return () => {
    try {
      act()
    } catch (error) {
      panel.replaceChildren(made('p', {}, `The panel itself failed: ${String(error)}`))
    }
  }
}

function drawn({ title, head, rows, none }: Section): readonly Node[] {
  const heading = made('h2', {}, title)
  if (rows.length === 0) return [heading, made('p', {}, none)]
  const cells = rows.map((row) => made('tr', {}, ...row.map((cell, i) => rowCell(cell, i === 0))))
  const top = head === undefined ? [] : [made('tr', {}, ...head.map((cell) => made('th', { scope: 'col' }, cell)))]
  return [heading, made('table', { 'aria-label': title }, ...top, ...cells)]
}

function rowCell(text: string, isFirst: boolean): HTMLElement {
  return isFirst ? made('th', { scope: 'row' }, text) : made('td', {}, text)
}

/** Text stays text: nothing that a relay or a shop says becomes markup. */
function made(name: string, attributes: Readonly<Record<string, string>>, ...inside: (Node | string)[]): HTMLElement {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...inside)
  return element
}
