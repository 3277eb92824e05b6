/** Runs sessions against lies, and against the honest path. */

import { errorName, type LieRow } from './lie.js'
import { SESSIONS, type SessionName } from './sessions.js'
import type { Sdk, World } from './stage.js'

/** What a session ended with. */
export type Ending = { readonly shown: unknown } | { readonly error: string; readonly message: string }

/** One session through the relay that tells this lie; without one, the honest path. */
export async function ending(world: World, sdk: Sdk, session: string, lie?: LieRow): Promise<Ending> {
  const stage = await world.stage()
  try {
    await lie?.prepare?.(stage)
    const tell = lie?.tell?.(stage)
    if (tell !== undefined)
      stage.proxy.lie((message, asked) => (lie!.late && !stage.turned ? message : tell(message, asked)))
    return { shown: await SESSIONS[session as SessionName].run(stage, sdk, lie) }
  } catch (error) {
    return { error: errorName(error), message: (error as Error).message }
  } finally {
    await stage.close()
  }
}

/** Why a lie is not caught as its row says; undefined if it is. */
export function notCaught(lie: LieRow, end: Ending): string | undefined {
  if ('shown' in end) return `not caught: it was shown ${text(end.shown)}`
  if (end.error === lie.error && end.message.includes(lie.says)) return undefined
  return `caught as ${end.error}: ${end.message}; the row says ${lie.error}: … ${lie.says} …`
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? `${one}` : one)) ?? 'nothing'
}

/** All results in order; at most so many tasks at a time. */
export async function inTurn<T>(tasks: readonly (() => Promise<T>)[], atOnce: number): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    while (next < tasks.length) {
      const i = next++
      results[i] = await tasks[i]!()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
