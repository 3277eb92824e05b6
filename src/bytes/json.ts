/** JSON from outside: read in one place, refused in the words of whoever asked for it. */

export type JsonObject = Readonly<Record<string, unknown>>

/** The value of the text that `text` gives; what `refuse` returns, or throws, if `text` throws or gives no JSON. */
export function readJson(text: () => string, refuse: (cause: Error) => unknown): unknown {
  try {
    return JSON.parse(text())
  } catch (error) {
    return refuse(error as Error)
  }
}

/** Lists and null are none. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
