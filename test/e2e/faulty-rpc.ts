/** A JSON-RPC endpoint in front of a real one that fails as it is told to. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `lie`: logs of contracts that were not asked for, `stale`: the head of the moment it was set, `narrow`: no logs of over 4 blocks. */
export type Fault = 'none' | 'hang' | 'error' | 'garbage' | 'cut' | 'other chain' | 'lie' | 'stale' | 'narrow'

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

export class FaultyRpc {
  readonly url: string
  /** Calls that came, by method. */
  readonly calls = new Map<string, number>()
  private readonly close: () => void
  private readonly target: string
  private fault: Fault = 'none'
  private staleHead = '0x0'

  private constructor(url: string, target: string, close: () => void) {
    this.url = url
    this.target = target
    this.close = close
  }

  static async start(target: string): Promise<FaultyRpc> {
    const server = createServer(
      (request, response) => void rpc.answer(request, response).catch(() => response.destroy()),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const rpc: FaultyRpc = new FaultyRpc(`http://127.0.0.1:${port}`, target, () => {
      server.close()
      server.closeAllConnections()
    })
    return rpc
  }

  async set(fault: Fault): Promise<void> {
    if (fault === 'stale') {
      const [answer] = await this.ask([{ id: 1, method: 'eth_blockNumber', params: [] }])
      this.staleHead = (answer as { result: string }).result
    }
    this.fault = fault
  }

  stop(): void {
    this.close()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[]
    const calls = [body].flat()
    for (const { method } of calls) this.calls.set(method, (this.calls.get(method) ?? 0) + 1)
    if (this.fault === 'hang') return
    if (this.fault === 'error') return void response.writeHead(500).end('no')
    if (this.fault === 'garbage') return void response.end('{"jsonrpc":"2.0","id":1,"result":')
    if (this.fault === 'cut') {
      response.writeHead(200, { 'content-length': '1000' }).write('[{"jsonrpc":')
      return void response.destroy()
    }
    const answers = (await this.ask(calls.map((call) => this.changed(call)))).map((answer, i) =>
      this.spoilt(calls[i]!, answer),
    )
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]))
  }

  private changed(call: Call): Call {
    const newest = call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest'
    return this.fault === 'stale' && newest ? { ...call, params: [this.staleHead, false] } : call
  }

  private spoilt({ id, method, params }: Call, answer: object): object {
    if (this.fault === 'other chain' && method === 'eth_chainId') return { jsonrpc: '2.0', id, result: '0x1' }
    if (method !== 'eth_getLogs') return answer
    const { fromBlock, toBlock } = params[0] as { fromBlock: string; toBlock: string }
    if (this.fault === 'narrow' && BigInt(toBlock) - BigInt(fromBlock) > 4n)
      return { jsonrpc: '2.0', id, error: { code: -32005, message: 'query returned more than 10000 results' } }
    if (this.fault !== 'lie') return answer
    const log = {
      address: `0x${'ab'.repeat(20)}`,
      topics: [`0x${'11'.repeat(32)}`],
      data: '0x',
      blockNumber: toBlock,
      blockHash: `0x${'22'.repeat(32)}`,
      transactionHash: `0x${'33'.repeat(32)}`,
      logIndex: '0x0',
    }
    return { jsonrpc: '2.0', id, result: [log] }
  }

  private async ask(calls: readonly Call[]): Promise<object[]> {
    const body = JSON.stringify(calls.map((call) => ({ jsonrpc: '2.0', ...call })))
    const response = await fetch(this.target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const answers = (await response.json()) as { id: number }[]
    return calls.map(({ id }) => answers.find((answer) => answer.id === id)!)
  }
}
