/** Which files are pictures that a relay shows as such: by their first bytes, for a name says nothing. */

const SVG = /^\s*(?:<\?xml|<!doctype svg|<svg)/iu

/** PNG, JPEG, both GIFs, WebP, AVIF. */
const MARKS: readonly (readonly (readonly [at: number, text: string])[])[] = [
  [[0, '\x89PNG\r\n\x1a\n']],
  [[0, '\xff\xd8\xff']],
  [[0, 'GIF87a']],
  [[0, 'GIF89a']],
  [
    [0, 'RIFF'],
    [8, 'WEBP'],
  ],
  [[4, 'ftypavif']],
]

/** Relays take no larger file (PROTOCOL §13). */
const PICTURE_BYTES_MAX = 32 * 1_048_576

/** Why it cannot be shown, as a sentence; undefined for a picture that can. */
export function pictureProblem(name: string, bytes: Uint8Array): string | undefined {
  const head = Array.from(bytes.subarray(0, 512), (byte) => String.fromCodePoint(byte)).join('')
  if (SVG.test(head)) return `${name} is an SVG, which is a program too and is shown nowhere: save it as PNG or WebP.`
  if (!MARKS.some((marks) => marks.every(([at, text]) => head.startsWith(text, at))))
    return `${name} is no picture that browsers show: take PNG, JPEG, WebP, AVIF or GIF.`
  if (bytes.length <= PICTURE_BYTES_MAX) return undefined
  return `${name} has ${bytes.length} bytes, and a relay takes ${PICTURE_BYTES_MAX} at most.`
}

/** The file's bytes. Rejects with a sentence for one that is no picture. */
export async function pictureBytes(file: File): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const problem = pictureProblem(file.name, bytes)
  if (problem !== undefined) throw new Error(problem)
  return bytes
}

/** Of pictures that are no addresses but files: those that have the same name, whatever their folder. */
export function picturesByFile(pictures: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>()
  for (const picture of pictures) {
    if (/^[a-z][a-z0-9+.-]*:/iu.test(picture) || picture.startsWith('//') || picture.startsWith('/ipfs/')) continue
    const name = picture.split(/[/\\]/u).at(-1)!
    files.set(name, [...(files.get(name) ?? []), picture])
  }
  return files
}
