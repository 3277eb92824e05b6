/** A JSON-RPC endpoint, over HTTP and WebSocket, in front of a real one that fails as it is told to, at any time. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer, type RawData } from 'ws'

/**
 * `stall`: the head of an answer, and then nothing; `cut`: half an answer, and the end of the connection; `missing`: a batch with
 * one answer too few; `stale`: knows no blocks beyond those of the moment it was set; `narrow`: no logs of over 4 blocks, `too
 * long` in one block even; `logs behind`: tells no logs of blocks beyond those of the moment it was set; `other fork`: its logs
 * are of blocks that are not on the chain; `often`: too many requests; `mute`: tells of no new block by itself. Lies are logs that were not asked
 * for, or that are none.
 */
export type Fault =
  | 'none'
  | 'hang'
  | 'stall'
  | 'error'
  | 'garbage'
  | 'cut'
  | 'missing'
  | 'other chain'
  | 'stale'
  | 'narrow'
  | 'no logs'
  | 'logs behind'
  | 'other fork'
  | 'often'
  | 'mute'
  | Lie

export type Lie = keyof typeof LIES

/** What each lie does to a log that is right. */
const LIES = {
  'lie: address': { address: `0x${'ab'.repeat(20)}` },
  'lie: topic': { topics: [`0x${'11'.repeat(32)}`] },
  'lie: no topic': { topics: [] },
  'lie: block': { blockNumber: '0x7fffffff' },
  'lie: removed': { removed: true },
  'lie: hash': { blockHash: '0x1234' },
  'lie: pending': { blockHash: null },
  'lie: data': { data: '0xzz' },
} as const

export const LIE_NAMES = Object.keys(LIES) as readonly Lie[]

export interface FaultyRpc {
  readonly url: string
  readonly wsUrl: string
  /** Calls that came since the start, by method. */
  readonly calls: ReadonlyMap<string, number>
  /** HTTP requests that came. */
  readonly requests: () => number
  /** From now on; what is under way already may still go well. */
  mode(fault: Fault): Promise<void>
  /** Ends the WebSockets. */
  disconnect(): void
  stop(): Promise<void>
}

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

export async function startFaultyRpc(targetUrl: string): Promise<FaultyRpc> {
  const proxy = new Proxied(targetUrl)
  const server = createServer((request, response) => {
    proxy.requests++
    void overHttp(proxy, request, response).catch(() => response.destroy())
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => overSocket(proxy, socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const disconnect = () => {
    for (const socket of sockets.clients) socket.terminate()
  }
  return {
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}`,
    calls: proxy.calls,
    requests: () => proxy.requests,
    mode: (fault) => proxy.set(fault),
    disconnect,
    stop: async () => {
      disconnect()
      sockets.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function overHttp(proxy: Proxied, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[]
  const calls = [body].flat()
  const answers = await proxy.answers(calls)
  const { fault } = proxy
  if (fault === 'hang') return
  if (fault === 'error') return void response.writeHead(500).end('no')
  response.setHeader('content-type', 'application/json')
  const text = JSON.stringify(Array.isArray(body) ? answers : answers[0])
  if (fault === 'garbage') return void response.end(text.slice(1))
  if (fault === 'stall') return void response.write(text.slice(0, 10))
  if (fault !== 'cut') return void response.end(text)
  response.setHeader('content-length', text.length)
  response.write(text.slice(0, text.length / 2), () => response.destroy())
}

function overSocket(proxy: Proxied, socket: WebSocket): void {
  const upstream = new WebSocket(proxy.target.replace(/^http/u, 'ws'))
  const open = new Promise((resolve) => upstream.once('open', resolve))
  upstream.on('message', (data: RawData) => {
    const told = (data as Buffer).toString()
    if (proxy.fault !== 'mute' && proxy.fault !== 'hang') socket.send(told)
  })
  upstream.on('error', () => socket.terminate())
  socket.on('close', () => upstream.terminate())
  socket.on('message', (data: RawData) => {
    const call = JSON.parse((data as Buffer).toString()) as Call
    void (async () => {
      const [answer] = await proxy.answers([call])
      if (proxy.fault === 'hang' || proxy.fault === 'stall') return
      if (proxy.fault === 'error' || proxy.fault === 'cut') return socket.terminate()
      if (proxy.fault === 'garbage') return socket.send('{"jsonrpc":')
      if (call.method !== 'eth_subscribe') return socket.send(JSON.stringify(answer))
      await open
      upstream.send(JSON.stringify(call))
    })().catch(() => socket.terminate())
  })
}

class Proxied {
  readonly target: string
  readonly calls = new Map<string, number>()
  requests = 0
  fault: Fault = 'none'
  private staleHead = 0n

  constructor(target: string) {
    this.target = target
  }

  async set(fault: Fault): Promise<void> {
    if (fault === 'stale' || fault === 'logs behind') {
      const [answer] = await this.ask([{ id: 1, method: 'eth_blockNumber', params: [] }])
      this.staleHead = BigInt((answer as { result: string }).result)
    }
    this.fault = fault
  }

  async answers(calls: readonly Call[]): Promise<readonly object[]> {
    for (const { method } of calls) this.calls.set(method, (this.calls.get(method) ?? 0) + 1)
    const asked = calls.filter(({ method }) => method !== 'eth_subscribe').map((call) => this.changed(call))
    const answers = asked.length === 0 ? [] : await this.ask(asked)
    const spoilt = answers.map((answer, i) => this.spoilt(asked[i]!, answer))
    return this.fault === 'missing' ? spoilt.slice(1) : spoilt
  }

  private changed(call: Call): Call {
    const isNewest = call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest'
    if (this.fault !== 'stale' || !isNewest) return call
    return { ...call, params: [`0x${this.staleHead.toString(16)}`, false] }
  }

  private spoilt({ id, method, params }: Call, answer: object): object {
    const refuse = (code: number, message: string) => ({ jsonrpc: '2.0', id, error: { code, message } })
    const { fault } = this
    if (fault === 'often') return refuse(-32_005, 'daily request count exceeded, request rate limited')
    if (fault === 'other chain' && method === 'eth_chainId') return { jsonrpc: '2.0', id, result: '0x1' }
    if (fault === 'stale' && method === 'eth_getBlockByNumber' && BigInt(params[0] as string) > this.staleHead)
      return { jsonrpc: '2.0', id, result: null }
    if (method !== 'eth_getLogs') return answer
    const { fromBlock, toBlock } = params[0] as { fromBlock: string; toBlock: string }
    if (fault === 'no logs' || (fault === 'narrow' && BigInt(toBlock) - BigInt(fromBlock) >= 4n))
      return refuse(-32_005, 'query returned more than 10000 results')
    if (!('result' in answer)) return answer
    const logs = (answer.result as readonly { blockNumber: string }[]).filter(
      ({ blockNumber }) => (fault !== 'stale' && fault !== 'logs behind') || BigInt(blockNumber) <= this.staleHead,
    )
    if (fault === 'other fork') for (const log of logs) Object.assign(log, { blockHash: `0x${'22'.repeat(32)}` })
    const result = fault in LIES ? logs.map((log) => Object.assign(log, LIES[fault as Lie])) : logs
    return { ...answer, result }
  }

  private async ask(calls: readonly Call[]): Promise<object[]> {
    const body = JSON.stringify(calls.map((call) => ({ jsonrpc: '2.0', ...call })))
    const response = await fetch(this.target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const answers = (await response.json()) as { id: number }[]
    return calls.map(({ id }) => answers.find((answer) => answer.id === id)!)
  }
}
