// A shop that is written to over a relay's socket while bad things happen to the relay, and what must be found in its
// data afterwards.

import { randomBytes } from 'node:crypto'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocket } from 'ws'
import { personalMessageDigest } from '../dist/bytes/eip191.js'
import { toHex } from '../dist/bytes/hex.js'
import { publicKeyOf, sign } from '../dist/bytes/signature.node.js'
import { enrol } from '../dist/client/enrol.js'
import { encodeChange } from '../dist/patches/patch.js'
import { encodePatchSet, signPatches } from '../dist/patches/patch-set.js'
import { Keeper } from '../dist/relay/shops/keeper.js'
import { stateHash } from '../dist/state/shop-state.js'
import { openStore } from '../dist/store/open.js'
import { decodeEnvelope, encodeEnvelope } from '../dist/wire/envelope.js'

const SHOP = 9_001n
const LISTINGS = 50
const NEVER = new Promise(() => undefined)

/** What a relay needs to be told, but for its data directory. */
export const RELAY_FLAGS = ['serve', '--empty', '--port', '0', '--metrics-port', '0', '--upgrades-burst', '1000']

export class WrittenShop {
  secret = new Uint8Array(randomBytes(32))
  /** Header bytes of answered sets → the state hash of the answer, in hex. */
  answered = new Map()
  /** Header bytes of refused sets → the error. */
  refused = new Map()
  nonce = 0n

  /** Makes the shop, and all listings that later writes change. */
  async make(url) {
    const wallet = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    await enrol({ url, shop: SHOP, card: publicKeyOf(this.secret), wallet })
    const { socket, ask } = await this.connect(url)
    while (this.nonce < BigInt(LISTINGS)) await this.write(ask)
    socket.terminate()
  }

  /** What is known of it now, for another course of things. */
  copy() {
    const { secret, answered, nonce } = this
    return Object.assign(new WrittenShop(), { secret, nonce, answered: new Map(answered) })
  }

  /** A session of the shop's card. */
  async connect(url) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`)
    socket.on('error', () => undefined)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('close', () => reject(new Error('no session')))
    })
    let lastId = 0n
    const waiting = new Map()
    socket.on('message', (frame) => {
      const { requestId, message } = decodeEnvelope(new Uint8Array(frame))
      if (message.kind !== 'response') return
      waiting.get(requestId)?.(message)
      waiting.delete(requestId)
    })
    const ask = (message) =>
      new Promise((resolve) => {
        waiting.set(++lastId, resolve)
        socket.send(encodeEnvelope({ requestId: lastId, message }))
      })
    const { payload } = await ask({ kind: 'authenticate', publicKey: publicKeyOf(this.secret) })
    await ask({ kind: 'challengeSolution', signature: sign(personalMessageDigest(payload), this.secret) })
    return { socket, ask }
  }

  /** One more set; `dead` resolves when there will be no answer. */
  async write(ask, dead = NEVER) {
    const { header, patchSet } = this.nextSet()
    const answer = await Promise.race([ask({ kind: 'write', patchSet }), dead])
    if (answer?.payload?.length === 32) this.answered.set(header, toHex(answer.payload))
    else if (answer?.error !== undefined) this.refused.set(header, answer.error)
  }

  nextSet() {
    const id = (this.nonce % BigInt(LISTINGS)) + 1n
    const fields = new Map(
      Object.entries({
        ID: id,
        Price: this.nonce,
        Metadata: new Map([
          ['Title', 'T'],
          ['Description', 'D'],
        ]),
        ViewState: 1n,
      }),
    )
    const change =
      this.nonce < BigInt(LISTINGS)
        ? { op: 'add', path: ['Listings', id], value: fields }
        : { op: 'replace', path: ['Listings', id, 'Price'], value: this.nonce }
    const patches = [encodeChange(change)]
    const { headerBytes, signature } = signPatches(
      { shopId: SHOP, nonce: ++this.nonce, timestamp: 1_800_000_000n - 10_000_000n, patches },
      this.secret,
    )
    return { header: toHex(headerBytes), patchSet: encodePatchSet(headerBytes, signature, patches) }
  }

  /**
   * What is on disk: every answered set with its hash, dense, and the same state by a replay from 1. Returns how many
   * are lost, and how many are there that were refused with "nothing was changed". Throws where the log is wrong.
   */
  async missing(directory) {
    const store = await openStore(directory)
    try {
      const found = new Map()
      let after = 0
      for (;;) {
        const records = store.readLog(SHOP, after, { records: 1_000, bytes: 8 * 1_048_576 })
        if (records.length === 0) break
        for (const record of records) {
          if (record.seq !== ++after) throw new Error(`the log has ${record.seq} where ${after} is next`)
          found.set(toHex(record.header), toHex(record.stateHash))
        }
      }
      await replayed(store, after)
      const lost = [...this.answered].filter(([header, hash]) => found.get(header) !== hash).length
      const isUnchanged = ([header, { message }]) => message.includes('nothing was changed') && found.has(header)
      return { lost, there: [...this.refused].filter(isUnchanged).length }
    } finally {
      await store.close()
    }
  }
}

async function replayed(store, head) {
  const fromLogAlone = Object.assign(Object.create(store), { derived: () => undefined })
  const keeper = new Keeper(fromLogAlone, { nodeCacheNodes: 10_000 })
  const shop = await keeper.load(SHOP)
  if (shop.closed !== undefined) throw new Error(shop.closed.reason)
  const reached = toHex(stateHash(shop.current.state))
  const [last] = store.readLog(SHOP, head - 1, { records: 1, bytes: 1 })
  if (reached !== toHex(last.stateHash))
    throw new Error(`a replay from 1 reaches ${reached}, the log says ${toHex(last.stateHash)}`)
}
