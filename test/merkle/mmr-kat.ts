/** The parts of vectors/spec/mmr-kat.json that are implemented: no consistency, no receipts, no bagged roots. */

import { readFileSync } from 'node:fs'

export interface KatNode {
  index: number
  position: number
  height: number
  left: number | null
  right: number | null
  parent_when_grown: number
  sibling_when_grown: number
  is_right_child: boolean
  leaf_index: number | null
  first_complete_size: number
  peak_mask: string
  hash: string
}

export interface KatAccumulator {
  size: number
  leaf_count: number
  peak_indices: number[]
  peak_heights: number[]
  peak_hashes: string[]
}

/** node index, tree size, path as node indices, index of the peak, its slot */
type KatPath = [number, number, number[], number, number]
type KatProof = [number, number, string[]]

export interface KatPatchCase {
  n: number
  padded_leaf_count: number
  tree_size: number
  root: string
  leaf_hashes: string[]
  node_hashes: string[]
  proofs: KatProof[]
  proofs_cbor_as_masslbs_go: string[]
  padding_proofs: KatProof[]
}

export interface KatNegative {
  name: string
  node_index: string
  tree_size: string
  path: string[]
  leaf_hash: string
  root: string
  plain_included_root_equals_root: boolean
  strict_verifier: 'accept' | 'reject'
}

interface Kat {
  kat39: {
    leaves: { leaf_index: number; node_index: number; hash: string }[]
    nodes: KatNode[]
    index_height: number[]
    leaf_count: number[]
    leaf_to_node_index: number[]
    complete_sizes: number[]
    incomplete_sizes: number[]
    accumulators: KatAccumulator[]
    inclusion_paths: { rows: KatPath[] }
  }
  patch_cases: { raw_leaves: string[]; cases: KatPatchCase[] }
  large: {
    index_height: { i: string; height: number; leaf_count: string; first_complete_size: string }[]
    leaf_to_node: { leaf_index: string; node_index: string }[]
    complete: {
      leaf_count: string
      size: string
      peak_indices: string[]
      sample_leaf_index: string
      sample_node_index: string
      sample_path_node_indices: string[]
    }[]
    hash_pospair64: { pos: string; a: string; b: string; hash: string }[]
  }
  inclusion_negative: { cases: KatNegative[] }
  second_preimage: { raw_leaf: string; leaf_hash: string; equals_root_of_patch_case_n: number }
  padding_ambiguity: { list_a: string[]; list_b: string[]; root: string }
}

export interface ReferenceProofs {
  name: string
  patches: string[]
  root: string
  proofs: KatProof[]
}

export const kat = read('../../vectors/spec/mmr-kat.json') as Kat
export const referenceProofs = read('../../vectors/reference/merkle-proofs.json') as ReferenceProofs[]

function read(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}
