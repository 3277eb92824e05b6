/** Small things that this browser remembers. */

/** localStorage is one. */
export type Notes = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Where the browser keeps nothing, notes last as long as the page. */
export function keptNotes(): Notes {
  try {
    localStorage.getItem('')
    return localStorage
  } catch {
    const held = new Map<string, string>()
    return {
      getItem: (name) => held.get(name) ?? null,
      setItem: (name, value) => void held.set(name, value),
      removeItem: (name) => void held.delete(name),
    }
  }
}
