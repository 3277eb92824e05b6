/** The page that checks order receipts: one file, no network. What it says comes from cairn-relay/receipt. */

import { formOf } from 'cairn-relay/notes'
import {
  receiptDigest,
  receiptReport,
  receiptText,
  type ReceiptOutcome,
  type ReceiptReport,
  type ReceiptStepText,
} from 'cairn-relay/receipt'
import makeQrCode from 'qrcode-generator'
import {
  addressesOf,
  base64Url,
  hexOf,
  linkOf,
  partsOfFragment,
  receiptOfText,
  registriesOf,
  type LinkParts,
} from './input.js'

/** Bytes of a QR code at most: version 40, low correction. */
const QR_BYTES_MAX = 2_953

const form = element('form', HTMLFormElement)
const file = element('file', HTMLInputElement)
const paste = element('paste', HTMLTextAreaElement)
const relay = element('relay', HTMLInputElement)
const registry = element('registry', HTMLInputElement)
const outcome = element('outcome', HTMLDivElement)
const details = element('details', HTMLElement)

/** Of whom the address in the field comes: a person, until he types another, may not have compared it. */
let namedBy: 'operator' | 'link' | 'relay' | undefined
/** The last receipt that was opened. */
let opened: Uint8Array | undefined
/** What the link that led here says of its receipt. */
let wantedDigest: string | undefined

function start(): void {
  builtIn()
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void checkGiven()
  })
  relay.addEventListener('input', () => (namedBy = undefined))
  file.addEventListener('change', () => void checkGiven())
  element('another', HTMLButtonElement).addEventListener('click', again)
  globalThis.addEventListener('hashchange', followLink)
  acceptDrops()
  followLink()
}

/** Address and registry that whoever made or serves the page wrote into it. */
function builtIn(): void {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="cairn-relay"]')!
  const by = meta.dataset['namedBy']
  if (meta.content === '' || (by !== 'operator' && by !== 'relay')) return
  relay.value = meta.content
  registry.value = meta.dataset['registry'] ?? ''
  namedBy = by
}

function followLink(): void {
  const { receipt, relay: address, digest } = partsOfFragment(location.hash)
  wantedDigest = digest
  // An address that the operator built in, or that was typed, is not replaced by one of a link.
  if (address !== undefined && (relay.value === '' || namedBy === 'link')) {
    relay.value = address
    namedBy = 'link'
  }
  if (receipt !== undefined) check(receiptOfText(receipt) ?? new Uint8Array(0))
  else if (digest !== undefined)
    tell('unsure', 'This code names a receipt. Open its file to check it.', [`Its digest: ${digest}`])
}

function acceptDrops(): void {
  const drop = element('drop', HTMLDivElement)
  for (const kind of ['dragover', 'dragleave', 'drop'] as const)
    document.addEventListener(kind, (event) => {
      event.preventDefault()
      drop.classList.toggle('over', kind === 'dragover')
    })
  document.addEventListener('drop', (event) => {
    const [first] = event.dataTransfer?.files ?? []
    if (first !== undefined) void readFile(first)
  })
}

async function readFile(blob: Blob): Promise<void> {
  check(new Uint8Array(await blob.arrayBuffer()))
}

/** What was pasted goes before a file that was chosen earlier. */
async function checkGiven(): Promise<void> {
  const text = paste.value.trim()
  if (text !== '') return check(receiptOfText(text) ?? new TextEncoder().encode(text))
  const [first] = file.files ?? []
  if (first !== undefined) return readFile(first)
  if (opened !== undefined) return check(opened)
  tell('unsure', 'Nothing to check yet: open a file, or paste a receipt.', [])
  file.focus()
}

function check(bytes: Uint8Array): void {
  const relays = addressesOf(relay.value)
  const registries = registriesOf(registry.value)
  const other = formOf(bytes)
  if (other !== undefined) return tellForm(other)
  opened = bytes
  if (relays === undefined || registries === 'none of these') {
    const field = relays === undefined ? relay : registry
    tell('unsure', `Cannot check yet: ${field === relay ? 'the address' : 'the registry'} is not one.`, [])
    field.setAttribute('aria-invalid', 'true')
    return field.focus()
  }
  for (const field of [relay, registry]) field.removeAttribute('aria-invalid')
  const digest = hexOf(receiptDigest(bytes))
  if (wantedDigest !== undefined && wantedDigest !== digest) {
    const what = [`The code names ${wantedDigest}.`, `This file is ${digest}.`]
    return tell('bad', 'Does not match: another file than the one that the code names.', what)
  }
  show(bytes, receiptReport(bytes, { relays, registries }))
}

const FORMS = { 'tlog-proof': 'a tlog-proof', cose: 'a COSE receipt' } as const
const SUFFIXES = { 'tlog-proof': '.binding and .receipt (or .statement)', cose: '.binding and .statement' } as const

/** This page does not check them: what they are read with would make it a quarter larger for everybody. */
function tellForm(form: keyof typeof FORMS): void {
  const given = addressesOf(relay.value) ?? []
  const address = given.length === 0 ? '0x…' : given.map((one) => `0x${hexOf(one)}`).join(' ')
  tell('unsure', `This is ${FORMS[form]}, for other tools: this page checks order receipts (order.cairn) alone.`, [
    `What checks it, in a terminal: npx cairn verify FILE --relay ${address}`,
    `What is not in it has to stand beside it, as FILE${SUFFIXES[form]}.`,
  ])
}

const LOOKS: Readonly<Record<ReceiptOutcome, 'good' | 'bad' | 'unsure'>> = {
  matches: 'good',
  'matches-not-anchored': 'good',
  'unknown-key': 'unsure',
  'newer-format': 'unsure',
  'does-not-match': 'bad',
  'not-a-receipt': 'bad',
}
const SIGNS = { good: '✓', bad: '✗', unsure: '?' } as const
const NAMED_BY = {
  operator: undefined,
  link: "The relay's address was named by the link: compare it with the one that the shop tells.",
  relay: "The relay's address was named by this relay: compare it with the one that the shop tells.",
} as const

function show(bytes: Uint8Array, report: ReceiptReport): void {
  const { sentence, meaning, reason, receipt } = report
  const detail = meaning === undefined ? capitalised(reason) : reason && `In detail: ${reason}`
  const anchors = isWithoutAnchor(report) ? NOT_ANCHORED : undefined
  const notes = [meaning, anchors, detail && `${detail}.`].filter((note) => note !== undefined)
  const warning = namedBy === undefined || receipt === undefined ? undefined : NAMED_BY[namedBy]
  tell(LOOKS[report.outcome], sentence, notes, warning && report.outcome.startsWith('matches') ? warning : undefined)
  if (receipt !== undefined) {
    details.replaceChildren(...detailsOf(report))
    details.hidden = false
    offer(bytes, `${receipt.orderId}`)
  }
  // Beside a receipt that does not match nothing else is shown; where its key is unknown, the field for it stays.
  const isOver = report.outcome === 'does-not-match' || report.outcome.startsWith('matches')
  form.hidden = isOver
  element('again', HTMLElement).hidden = !isOver
}

/** Of a relay that has a chain: of another one there is nothing to wait for. */
function isWithoutAnchor({ sentence, receipt }: ReceiptReport): boolean {
  return sentence.includes('not yet anchored') && receipt?.anchor === undefined
}

const NOT_ANCHORED =
  'You need not wait for anything: it is proven as it is. Anchored is a receipt whose entry the shop’s owner noted ' +
  'on a blockchain too.'

function capitalised(text: string | undefined): string | undefined {
  return text && `${text[0]!.toUpperCase()}${text.slice(1)}`
}

/** The outcome alone, in a live region. */
function tell(look: 'good' | 'bad' | 'unsure', sentence: string, notes: readonly string[], named?: string): void {
  details.hidden = true
  element('share', HTMLElement).hidden = true
  element('again', HTMLElement).hidden = true
  form.hidden = false
  const compared = relay.value
    .split(/[\s,;]+/u)
    .filter(Boolean)
    .join(' or ')
  const box = node('div', { class: `outcome ${look}` }, [
    node('p', { class: 'sentence' }, [node('span', { 'aria-hidden': 'true' }, [`${SIGNS[look]} `]), sentence]),
    ...(named === undefined ? [] : [node('p', { class: 'named' }, [`${named} It is ${compared}.`])]),
    ...notes.map((note) => node('p', {}, [note])),
    node('p', {}, ['Checked here, nothing was sent.']),
  ])
  outcome.replaceChildren(box)
  document.title = sentence
}

function detailsOf({ receipt, outcome, notChecked }: ReceiptReport): Node[] {
  const { facts, items, total, address, steps } = receiptText(receipt!)
  const wanted = items.map(({ quantity, title }) => node('li', {}, [`${quantity} × ${title}`]))
  const unchecked = notChecked.map((what) => node('li', {}, [what]))
  return [
    ...(outcome === 'unknown-key' ? [heading('What the file says, and anybody could have written')] : []),
    heading('Order'),
    rows(facts.slice(0, 2)),
    node('ul', {}, wanted),
    rows([...total, ...(address.length === 0 ? [] : [['Address', address.join(', ')] as const])]),
    heading('History'),
    node('ol', { class: 'steps' }, steps.map(stepNode)),
    heading('Whose receipt it is'),
    rows(facts.slice(2)),
    heading('Not checked'),
    node('ul', {}, unchecked),
  ]
}

function rows(pairs: readonly (readonly [name: string, value: string])[]): Node {
  const cells = pairs.flatMap(([name, value]) => [
    node('dt', {}, [name]),
    node('dd', name === 'Total' ? { class: 'total' } : {}, [value]),
  ])
  return node('dl', {}, cells)
}

function stepNode({ seq, time, signer, changes }: ReceiptStepText): Node {
  const by = node('span', { class: 'hex' }, [`signed by ${signer}`])
  return node('li', {}, [`${changes} · `, timeNode(time), ` · set ${seq} · `, by])
}

/** In the reader's own time, where one was told. */
function timeNode(time: string): Node {
  const told = new Date(time)
  if (Number.isNaN(told.getTime())) return document.createTextNode(time)
  const words = told.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  return node('time', { datetime: time, title: time }, [words])
}

/** File first, then link and code. */
function offer(bytes: Uint8Array, orderId: string): void {
  const save = element('save', HTMLAnchorElement)
  if (save.href.startsWith('blob:')) URL.revokeObjectURL(save.href)
  save.href = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/octet-stream' }))
  save.download = `order-${orderId}.cairn`
  const page = location.href.replace(/#.*$/su, '')
  const addresses = addressesOf(relay.value)?.map((address) => `0x${hexOf(address)}`) ?? []
  const named: LinkParts = addresses.length === 0 ? {} : { relay: addresses.join(',') }
  const link = linkOf(page, { receipt: base64Url(bytes), ...named })
  element('link', HTMLTextAreaElement).value = link
  const fits = link.length <= QR_BYTES_MAX
  const coded = fits ? link : linkOf(page, { digest: hexOf(receiptDigest(bytes)), ...named })
  const place =
    location.protocol === 'file:' ? ' This page was opened from a file: the link works on this device only.' : ''
  element('link-note', HTMLElement).textContent = fits
    ? `The code carries the whole receipt.${place}`
    : `It is too large for a code: the code names this page and the receipt's digest, and the file is needed.${place}`
  element('qr', HTMLElement).replaceChildren(codeOf(coded, fits ? 'the receipt' : "the receipt's digest"))
  element('share', HTMLElement).hidden = false
}

function codeOf(text: string, what: string): Node {
  const code = makeQrCode(0, 'L')
  code.addData(text, 'Byte')
  code.make()
  const count = code.getModuleCount()
  let path = ''
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++)
      if (code.isDark(row, column)) path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`
  const side = count + 2 * QUIET
  const svg = svgNode('svg', { viewBox: `0 0 ${side} ${side}`, role: 'img', 'aria-label': `QR code of ${what}` })
  svg.append(svgNode('path', { d: path, fill: '#000000', 'shape-rendering': 'crispEdges' }))
  return svg
}

/** Modules of white around a code. */
const QUIET = 4

function again(): void {
  outcome.replaceChildren()
  details.hidden = true
  for (const id of ['share', 'again']) element(id, HTMLElement).hidden = true
  form.reset()
  opened = undefined
  wantedDigest = undefined
  namedBy = undefined
  builtIn()
  form.hidden = false
  document.title = 'Check a receipt'
  file.focus()
}

function heading(text: string): Node {
  return node('h2', {}, [text])
}

function node(
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly (Node | string)[],
): Element {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

function svgNode(name: string, attributes: Readonly<Record<string, string>>): Element {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function element<T extends HTMLElement>(id: string, kind: abstract new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`)
  return found
}

start()
