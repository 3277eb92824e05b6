import type { Abi, Hex } from 'viem'
export type ContractName = 'RelayReg' | 'ShopReg' | 'Payments' | 'TestToken' | 'Forwarder'
export function compiledContracts(): Readonly<Record<ContractName, { readonly abi: Abi; readonly bytecode: Hex }>>
