/** A wallet of the browser (EIP-6963) whose keys a development chain's node holds, as an extension announces one. */

import type { BrowserContext } from 'playwright-core'

export const WALLET_NAME = 'Trial wallet'

/** In every page that opens from now on. `rpcUrl`: of the chain; it signs for its account of that number. */
export async function giveWallet(context: BrowserContext, rpcUrl: string, account: number): Promise<void> {
  await context.addInitScript(announce, { rpcUrl, account, name: WALLET_NAME })
}

/** In the page, before anything else. */
function announce({ rpcUrl, account, name }: { rpcUrl: string; account: number; name: string }): void {
  const ask = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = await fetch(rpcUrl, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const { result, error } = (await answer.json()) as { result?: unknown; error?: { message: string } }
    if (error !== undefined) throw new Error(error.message)
    return result
  }
  const own = async () => [((await ask('eth_accounts', [])) as readonly string[])[account]]
  const request = ({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> => {
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return own()
    return method === 'wallet_switchEthereumChain' ? Promise.resolve(null) : ask(method, params)
  }
  const icon = 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>'
  const info = Object.freeze({ uuid: '350670db-19fa-4704-a166-e52e178b59d2', name, icon, rdns: 'example.trial' })
  const detail = Object.freeze({ info, provider: Object.freeze({ request }) })
  const tell = () => dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
  addEventListener('eip6963:requestProvider', tell)
  tell()
}
