/** Writes of the shop's manifest, each with its outcome. */

import { checkedWrite, unwatched, type CheckedSet } from './checked-write.js'
import { useOutcomes } from './outcomes.js'
import type { Refuse } from './forms.js'
import { useSession } from './shared.js'

/** Whether it was written. `set` may throw a sentence; `refuse`: of the form that it is written from. */
export function useManifestWrite(): (what: string, set: () => CheckedSet, refuse?: Refuse) => Promise<boolean> {
  const { client } = useSession()
  const { run } = useOutcomes()
  return (what, set, refuse) => {
    const write = async (isWatched: boolean) => {
      const sets = [set()]
      const seq = await checkedWrite(client, isWatched ? sets : unwatched(sets))
      return seq === undefined ? 'Nothing was different.' : `On disk as set ${seq}.`
    }
    return run(what, () => write(true), { anyway: () => write(false), refuse })
  }
}
