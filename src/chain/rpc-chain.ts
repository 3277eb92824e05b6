/**
 * A chain over JSON-RPC (viem's transports), by one or more endpoints: one that is slow, fails, lies in a way that
 * shows, is of another chain or lags behind is passed over for a while, and the next one is asked.
 */

import { http, webSocket } from 'viem'
import type { ChainId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import {
  byPlace,
  ChainUnreachable,
  type Block,
  type Call,
  type ChainLog,
  type ChainTransaction,
  type LogQuery,
  type TransactionChain,
} from './chain.js'
import { isOfTheCall, isRevert, isTooMuch, reasonOf } from './rpc-errors.js'
import { receiptLogsOf, type Request } from './rpc-receipts.js'
import { transactionOf, transactionsTo } from './rpc-transactions.js'
import { bytesIn, FalseAnswer, quantity, quantityIn, readBlock, readLog } from './rpc-values.js'

export interface RpcChainOptions {
  readonly chainId: ChainId
  /** http, https, ws or wss; at least one, the preferred one first. */
  readonly rpc: readonly string[]
  readonly pollMs: number
  readonly timeoutMs?: number
}

const RPC_TIMEOUT_MS = 5_000
/** Requests that go out together over HTTP. */
const RPC_BATCH_MAX = 200
/** For a contract that anybody may have written: what it costs the endpoint is bounded. */
const FOREIGN_CALL_GAS = 1_000_000n
/** Blocks that one eth_getLogs asks for; fewer where an endpoint refuses so many. */
const LOG_BLOCKS_MAX = 2_000n
export const PENALTY_MS = { least: 500, most: 10_000 } as const
/** How often the endpoints' heads are compared. */
const COMPARE_MS = 2_000
/** How long an endpoint that is behind what another one has shown is not believed. */
const LAG_MS = 60_000

export function openChain(options: RpcChainOptions): TransactionChain {
  return new RpcChain(options)
}

class RpcChain implements TransactionChain {
  readonly chainId: ChainId
  private readonly pollMs: number
  private readonly endpoints: readonly Endpoint[]
  private readonly listeners = new Set<(head: Block) => void>()
  private trouble: string | undefined
  /** Of logs alone: some endpoints tell everything else. */
  private logsTrouble: string | undefined
  private shown: { readonly number: bigint; readonly by: Endpoint; readonly atMs: number } | undefined
  /** The endpoint that answered last: asked first, so that one that hangs costs its time once. */
  private preferred: Endpoint | undefined
  private nextCompareMs = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private polling = false
  private closed = false

  constructor({ chainId, rpc, pollMs, timeoutMs = RPC_TIMEOUT_MS }: RpcChainOptions) {
    this.chainId = chainId
    this.pollMs = pollMs
    this.endpoints = rpc.map((url) => new Endpoint(url, chainId, timeoutMs))
    this.trouble = this.unreachable('it was not asked yet')
  }

  get problem(): string | undefined {
    return this.trouble ?? this.logsTrouble
  }

  async head(): Promise<Block> {
    return this.ask(async (endpoint) => {
      const block = await endpoint.newest()
      if (this.isBehind(block.number, endpoint)) throw new FalseAnswer('is behind the others')
      this.shown = { number: block.number, by: endpoint, atMs: performance.now() }
      return block
    })
  }

  async block(number: bigint): Promise<Block | undefined> {
    return this.ask(async (endpoint) => {
      const block = readBlock(await endpoint.request('eth_getBlockByNumber', [quantity(number), false]))
      if (block !== undefined && block.number !== number) throw new FalseAnswer('answers with another block')
      if (
        block === undefined &&
        this.shown !== undefined &&
        number <= this.shown.number &&
        this.isBehind(number - 1n, endpoint)
      )
        throw new FalseAnswer('is behind the others')
      return block
    })
  }

  async logs(query: LogQuery): Promise<ChainLog[]> {
    try {
      const logs = await this.logsInPieces(query)
      this.logsTrouble = undefined
      return logs
    } catch (error) {
      this.logsTrouble = (error as Error).message
      throw error
    }
  }

  private async logsInPieces(query: LogQuery): Promise<ChainLog[]> {
    const logs: ChainLog[] = []
    let size = LOG_BLOCKS_MAX
    for (let from = query.fromBlock; from <= query.toBlock;) {
      const to = from + size - 1n < query.toBlock ? from + size - 1n : query.toBlock
      const { toHash, ...rest } = query
      const narrow = { ...rest, fromBlock: from, toBlock: to, ...(to === query.toBlock && toHash && { toHash }) }
      // An endpoint that refuses a single block fails: another one may tell its logs.
      const piece = await this.ask((endpoint) => logsOf(endpoint, narrow), from === to ? () => false : isTooMuch)
      if (piece === 'refused') {
        size = (to - from + 1n) / 2n
        continue
      }
      logs.push(...piece)
      from = to + 1n
    }
    return logs
  }

  /** An endpoint that does not tell receipts, or not in time, is not passed over in what it tells. */
  async receiptLogs(block: Block, address: Uint8Array): Promise<ChainLog[] | undefined> {
    const request = (endpoint: Endpoint) => receiptLogsOf(endpoint.request, block, address)
    const logs = await this.ask(request, () => true, 'ask the next')
    return logs === 'refused' ? undefined : logs
  }

  async call({ to, data, blockNumber, foreign = false }: Call): Promise<Uint8Array | undefined> {
    const place = blockNumber === undefined ? 'latest' : quantity(blockNumber)
    const limit = foreign ? { gas: quantity(FOREIGN_CALL_GAS) } : {}
    const params = [{ to: prefixedHex(to), data: prefixedHex(data), ...limit }, place]
    const isAnswer = foreign ? isOfTheCall : isRevert
    const result = await this.ask(async (endpoint) => bytesIn(await endpoint.request('eth_call', params)), isAnswer)
    return result === 'refused' ? undefined : result
  }

  async balance(address: Uint8Array, blockNumber: bigint): Promise<bigint> {
    return this.ask(async (endpoint) =>
      quantityIn(await endpoint.request('eth_getBalance', [prefixedHex(address), quantity(blockNumber)])),
    )
  }

  async nonce(address: Uint8Array, blockNumber: bigint): Promise<bigint> {
    const params = [prefixedHex(address), quantity(blockNumber)]
    return this.ask(async (endpoint) => quantityIn(await endpoint.request('eth_getTransactionCount', params)))
  }

  async transaction(hash: Uint8Array): Promise<ChainTransaction | undefined> {
    return this.ask((endpoint) => transactionOf(endpoint.request, hash))
  }

  async transactionsTo(block: Block, contract: Uint8Array): Promise<Uint8Array[]> {
    return this.ask((endpoint) => transactionsTo(endpoint.request, block, contract))
  }

  onHead(seen: (head: Block) => void): () => void {
    this.listeners.add(seen)
    if (!this.polling) {
      this.polling = true
      for (const endpoint of this.endpoints) endpoint.onNewHead(() => this.pollSoon(0))
      this.pollSoon(0)
    }
    return () => this.listeners.delete(seen)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.listeners.clear()
    for (const endpoint of this.endpoints) endpoint.close()
  }

  private pollSoon(ms: number): void {
    if (this.closed) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.poll(), ms)
    this.timer.unref()
  }

  private async poll(): Promise<void> {
    try {
      const head = await this.head()
      if (!this.closed) for (const seen of this.listeners) seen(head)
      void this.compare(head)
    } catch {
      // `problem` tells of it; whoever needs the chain asks it himself.
    } finally {
      this.pollSoon(this.pollMs)
    }
  }

  /** Another endpoint has shown more not long ago. One that goes back behind itself tells of a re-org. */
  private isBehind(number: bigint, endpoint: Endpoint): boolean {
    const { shown } = this
    return (
      shown !== undefined && shown.by !== endpoint && number < shown.number && performance.now() - shown.atMs < LAG_MS
    )
  }

  /**
   * The first answer that an endpoint gives. `isRefusal` tells errors that are answers: they are no failure of the
   * endpoint, and no reason to ask elsewhere unless `refused` says so. Throws ChainUnreachable.
   */
  private async ask<T>(request: (endpoint: Endpoint) => Promise<T>): Promise<T>
  private async ask<T>(
    request: (endpoint: Endpoint) => Promise<T>,
    isRefusal: (error: unknown) => boolean,
    refused?: 'is the answer' | 'ask the next',
  ): Promise<T | 'refused'>
  private async ask<T>(
    request: (endpoint: Endpoint) => Promise<T>,
    isRefusal: (error: unknown) => boolean = () => false,
    refused: 'is the answer' | 'ask the next' = 'is the answer',
  ): Promise<T | 'refused'> {
    let problem = this.endpoints.find((endpoint) => endpoint.problem !== undefined)?.problem ?? 'no endpoint answers'
    let isRefused = false
    const { preferred } = this
    const order =
      preferred === undefined ? this.endpoints : [preferred, ...this.endpoints.filter((one) => one !== preferred)]
    for (const endpoint of order.filter((endpoint) => endpoint.isUsable())) {
      if (this.closed) break
      try {
        await endpoint.checkChain()
        const answer = await request(endpoint)
        // That it tells what others do not is no reason to prefer it in all else.
        if (isRefused) endpoint.worked()
        else this.worked(endpoint)
        return answer
      } catch (error) {
        if (isRefusal(error)) {
          isRefused = true
          if (refused === 'ask the next') continue
          this.worked(endpoint)
          return 'refused'
        }
        problem = `${endpoint.name}: ${reasonOf(error)}`
        endpoint.failed(problem)
      }
    }
    if (isRefused) return 'refused'
    this.trouble = this.unreachable(problem)
    throw new ChainUnreachable(this.trouble)
  }

  private unreachable(problem: string): string {
    return `chain ${this.chainId} cannot be reached: ${problem}`
  }

  private worked(endpoint: Endpoint): void {
    endpoint.worked()
    this.preferred = endpoint
    this.trouble = undefined
  }

  /** One that answers and stands still is found out by what the others have: the one that is furthest is preferred. */
  private async compare(head: Block): Promise<void> {
    if (performance.now() < this.nextCompareMs) return
    this.nextCompareMs = performance.now() + COMPARE_MS
    const others = this.endpoints.filter((endpoint) => endpoint !== this.preferred && endpoint.isUsable())
    await Promise.all(
      others.map(async (endpoint) => {
        const block = await endpoint
          .newest()
          .catch((error: unknown) => endpoint.failed(`${endpoint.name}: ${reasonOf(error)}`))
        if (block === undefined || block.number <= head.number || block.number <= (this.shown?.number ?? 0n)) return
        this.preferred = endpoint
        this.shown = { number: block.number, by: endpoint, atMs: performance.now() }
      }),
    )
  }
}

/** What viem's transport over a WebSocket has beside requests. */
interface SocketTransport {
  subscribe(options: { params: ['newHeads']; onData(): void; onError(): void }): Promise<unknown>
  getRpcClient(): Promise<{ close(): void; readonly socket: { readonly readyState: number } }>
}

/** Its readyState (WHATWG). */
const SOCKET_OPEN = 1

/** One URL. */
class Endpoint {
  /** Scheme and host: the rest of a URL may be an API key. */
  readonly name: string
  private readonly chainId: ChainId
  private readonly transport: ReturnType<ReturnType<typeof http>> | ReturnType<ReturnType<typeof webSocket>>
  /** Requests that are not given up; the newest of them are under way. */
  private readonly open = new Set<AbortController>()
  private seen: (() => void) | undefined
  private isSubscribed = false
  private checked: Promise<void> | undefined
  private penaltyMs: number = PENALTY_MS.least
  private usableAtMs = 0
  /** Why it failed the last time. */
  problem: string | undefined

  constructor(url: string, chainId: ChainId, timeoutMs: number) {
    const { protocol, host } = new URL(url)
    this.name = `${protocol}//${host}`
    this.chainId = chainId
    const common = { retryCount: 0, timeout: timeoutMs }
    this.transport = protocol.startsWith('ws')
      ? // Its own way to reconnect writes what fails to the console, with the address and its API key.
        webSocket(url, { ...common, reconnect: false })({})
      : http(url, {
          ...common,
          batch: { batchSize: RPC_BATCH_MAX, wait: 0 },
          fetchFn: (input, init) => fetch(input, { ...init, signal: this.limit(timeoutMs) }),
        })({})
  }

  readonly request: Request = (method, params) =>
    (this.transport.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>)({
      method,
      params,
    })

  async newest(): Promise<Block> {
    await this.checkChain()
    const block = readBlock(await this.request('eth_getBlockByNumber', ['latest', false]))
    if (block === undefined) throw new FalseAnswer('has no newest block')
    return block
  }

  isUsable(): boolean {
    return performance.now() >= this.usableAtMs
  }

  worked(): void {
    this.penaltyMs = PENALTY_MS.least
    this.subscribe()
  }

  /** Passed over for a while; afterwards it has to say again which chain it is of. */
  failed(problem: string): void {
    this.problem = problem
    this.dropClosedSocket()
    if (!this.isUsable()) return
    this.checked = undefined
    this.usableAtMs = performance.now() + this.penaltyMs * (0.5 + Math.random() / 2)
    this.penaltyMs = Math.min(2 * this.penaltyMs, PENALTY_MS.most)
  }

  checkChain(): Promise<void> {
    return (this.checked ??= this.readChainId())
  }

  /** Calls back at each new block where the endpoint tells by itself (WebSocket); polling does not rely on it. */
  onNewHead(seen: () => void): void {
    this.seen = seen
    this.subscribe()
  }

  close(): void {
    for (const controller of this.open) controller.abort()
    void this.socketTransport?.getRpcClient().then(
      (client) => client.close(),
      () => undefined,
    )
  }

  /** Again after each disconnection, once the endpoint works. */
  private subscribe(): void {
    const { seen, socketTransport } = this
    if (this.isSubscribed || seen === undefined || socketTransport === undefined) return
    const lost = () => {
      this.isSubscribed = false
    }
    this.isSubscribed = true
    void socketTransport.subscribe({ params: ['newHeads'], onData: seen, onError: lost }).catch(lost)
  }

  /** A socket that was closed is not used again; the next request opens another. */
  private dropClosedSocket(): void {
    void this.socketTransport?.getRpcClient().then(
      (client) => {
        if (client.socket.readyState !== SOCKET_OPEN) client.close()
      },
      () => undefined,
    )
  }

  private get socketTransport(): SocketTransport | undefined {
    const value = this.transport.value as Partial<SocketTransport> | undefined
    return value?.getRpcClient === undefined ? undefined : (value as SocketTransport)
  }

  /**
   * Over the body too, unlike viem's own time limit, which ends with the head of an answer. Not by AbortSignal.any: its
   * signals may be collected before they fire.
   */
  private limit(timeoutMs: number): AbortSignal {
    const controller = new AbortController()
    this.open.add(controller)
    const end = () => {
      this.open.delete(controller)
      controller.abort(new DOMException('no answer in time', 'TimeoutError'))
    }
    setTimeout(end, timeoutMs).unref()
    return controller.signal
  }

  private async readChainId(): Promise<void> {
    const id = quantityIn(await this.request('eth_chainId', []))
    if (id !== this.chainId) throw new FalseAnswer(`is of chain ${id}`)
  }
}

async function logsOf(endpoint: Endpoint, query: LogQuery): Promise<ChainLog[]> {
  const toBlock = quantity(query.toBlock)
  const filter = {
    fromBlock: quantity(query.fromBlock),
    toBlock,
    address: query.addresses.map(prefixedHex),
    topics: query.topics.map((topics) => topics?.map(prefixedHex) ?? null),
  }
  // Together: a node that lags answers with no logs of blocks that it does not have.
  const [answer, last] = await Promise.all([
    endpoint.request('eth_getLogs', [filter]),
    endpoint.request('eth_getBlockByNumber', [toBlock, false]),
  ])
  const block = readBlock(last)
  if (block?.number !== query.toBlock) throw new FalseAnswer('does not have the block up to which it tells logs')
  if (query.toHash !== undefined && !equalBytes(block.hash, query.toHash))
    throw new FalseAnswer('has another block than the one up to which it tells logs')
  if (!Array.isArray(answer)) throw new FalseAnswer('answers with no list of logs')
  const logs = answer.map(readLog)
  if (!logs.every((log) => isAskedFor(log, query))) throw new FalseAnswer('answers with logs that were not asked for')
  return logs.sort(byPlace)
}

function isAskedFor({ address, topics, blockNumber }: ChainLog, query: LogQuery): boolean {
  if (blockNumber < query.fromBlock || blockNumber > query.toBlock) return false
  if (!query.addresses.some((asked) => equalBytes(asked, address))) return false
  return query.topics.every(
    (asked, i) =>
      asked === undefined || (topics[i] !== undefined && asked.some((topic) => equalBytes(topic, topics[i]!))),
  )
}
