/**
 * The words of a command line as flags, `--name value` or `--name=value`. What a command makes of unknown flags,
 * missing values and help stays with its reader: parseArgs and commander say other words, and repeat arguments that may
 * be secrets in the wrong place; parseArgs loses count of the words behind groups like `- -`.
 */

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

/** Behind the dashes, up to the first `=`; then what stands behind it. */
const LONG_FLAG = /^--([^=]+)(?:=(.*))?$/su

/**
 * In the order of the words. `kinds` has the known flags, without dashes; a `string` takes the next word as its value,
 * whatever it is. Behind a bare `--` nothing is a flag. Never throws. A word that is no known flag comes up once.
 */
export function scanFlags(
  words: readonly string[],
  kinds: Readonly<Record<string, 'string' | 'boolean'>>,
): readonly ScannedFlag[] {
  const flags: ScannedFlag[] = []
  let open = true
  for (let i = 0; i < words.length; i++) {
    const [word] = words[i]!.split('=', 1) as [string]
    const [, name = '', inline] = (open && LONG_FLAG.exec(words[i]!)) || []
    open &&= words[i] !== '--'
    if (!Object.hasOwn(kinds, name)) flags.push({ word, name: undefined, value: undefined, inline: false })
    else if (inline !== undefined || kinds[name] === 'boolean')
      flags.push({ word, name, value: inline, inline: inline !== undefined })
    else flags.push({ word, name, value: words[++i], inline: false })
  }
  return flags
}
