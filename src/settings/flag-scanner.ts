/**
 * The words of a command line as flags, `--name value` or `--name=value`: node:util's parseArgs without its own checks.
 * What a command makes of unknown flags, missing values and help stays with its reader: those of parseArgs and of
 * commander say other words, and repeat arguments that may be secrets in the wrong place.
 */

import { parseArgs } from 'node:util'

export interface ScannedFlag {
  /** As it was written, up to its `=`. */
  readonly word: string
  /** Without the dashes; undefined for what is none of the known flags. */
  readonly name: string | undefined
  /** Of a flag that takes one, or what stands behind `=`; undefined if there is none. */
  readonly value: string | undefined
  /** Whether the value stands behind `=`. */
  readonly inline: boolean
}

/**
 * In the order of the words. `kinds` has the known flags, without dashes; a `string` takes the next word as its value,
 * whatever it is. Never throws. A word that is no known flag comes up at least once.
 */
export function scanFlags(
  words: readonly string[],
  kinds: Readonly<Record<string, 'string' | 'boolean'>>,
): readonly ScannedFlag[] {
  const options = Object.fromEntries(Object.entries(kinds).map(([name, type]) => [name, { type }]))
  const { tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true })
  return tokens.map((token) => {
    const [word] = words[token.index]!.split('=', 1) as [string]
    if (token.kind !== 'option' || !token.rawName.startsWith('--') || !Object.hasOwn(kinds, token.name))
      return { word, name: undefined, value: undefined, inline: false }
    return { word, name: token.name, value: token.value, inline: token.inlineValue === true }
  })
}
