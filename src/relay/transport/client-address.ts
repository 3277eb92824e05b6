/**
 * Whose request it is where proxies stand before the relay: the rightmost hop of X-Forwarded-For or Forwarded (RFC
 * 7239) that is no trusted proxy. What comes from elsewhere is not believed.
 *
 * Tests: test/relay/transport/client-address.test.ts, test/e2e/behind-a-proxy.test.ts
 */

import { BlockList, isIP } from 'node:net'
import type { Headers } from './request-head.js'
import { plainAddress } from './transport.js'

/** An address that a list names, or undefined where it names something else: `unknown`, a word. */
type Hop = string | undefined

export class TrustedProxies {
  private readonly trusted: BlockList
  private readonly onUntrusted: (peer: string) => void

  /**
   * `networks`: addresses and CIDR networks with commas between them, as the setting allows them. `onUntrusted` is
   * told of each request that has such a header and comes from another address.
   */
  constructor(networks: string, onUntrusted: (peer: string) => void) {
    this.trusted = blockList(networks)
    this.onUntrusted = onUntrusted
  }

  /** `peer` in the form of `plainAddress`; so is what is returned. */
  addressOf(peer: string, headers: Headers): string {
    const [xForwardedFor, forwarded] = [headers.get('x-forwarded-for'), headers.get('forwarded')]
    if (xForwardedFor === undefined && forwarded === undefined) return peer
    if (!has(this.trusted, peer)) {
      this.onUntrusted(peer)
      return peer
    }
    const told = [
      ...(xForwardedFor === undefined ? [] : [this.firstUntrusted(peer, xForwardedForHops(xForwardedFor))]),
      ...(forwarded === undefined ? [] : [this.firstUntrusted(peer, forwardedHops(forwarded))]),
    ]
    // A proxy that writes one of the two passes on what a client wrote into the other.
    return told.every((address) => address === told[0]) ? told[0]! : peer
  }

  /** From the right, up to the first that is no trusted proxy, or to one behind which nobody knows more. */
  private firstUntrusted(peer: string, hops: readonly Hop[]): string {
    let client = peer
    for (const hop of hops.toReversed()) {
      if (hop === undefined || !has(this.trusted, client)) break
      client = hop
    }
    return client
  }
}

const PRIVATE = blockList('127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1,fc00::/7,fe80::/10')

/** Whether an address is of this machine or a private network: a proxy's more likely than a guest's. */
export function isPrivateAddress(address: string): boolean {
  return has(PRIVATE, address)
}

function blockList(networks: string): BlockList {
  const list = new BlockList()
  for (const network of networks.split(',').filter((text) => text !== '')) {
    const [address, prefix] = network.trim().split('/')
    const family = isIP(address!) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address!, family)
    else list.addSubnet(address!, Number(prefix), family)
  }
  return list
}

function has(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function xForwardedForHops(value: string): Hop[] {
  return value.split(',').map((text) => hopOf(text.trim()))
}

/** A pair of Forwarded and what follows it: `for=192.0.2.1;`, `for="[2001:db8::1]:80",`. */
const PAIR = /\s*([\w-]+)=(?:"([^"\\]*)"|([^\s",;=]+))\s*(;|,|$)/gy

/** All or nothing: what a client wrote could otherwise hide in quotes what a proxy appended. */
function forwardedHops(value: string): Hop[] {
  const hops: Hop[] = []
  let hop: Hop
  let left = value.length
  let isWhole = false
  for (const [pair, name, quoted, plain, next] of value.matchAll(PAIR)) {
    if (name!.toLowerCase() === 'for') hop = hopOf(quoted ?? plain!)
    isWhole = next !== ';'
    if (isWhole) {
      hops.push(hop)
      hop = undefined
    }
    left -= pair.length
  }
  return left === 0 && isWhole ? hops : []
}

/** With or without a port, IPv6 with brackets where it has one. */
function hopOf(text: string): Hop {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : plainAddress(bare)
}
