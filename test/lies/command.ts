/** What `npm run check:lies` runs: every lie against the client as it is, every check against the lies it is for. */

import type { Check } from './check.js'
import { CHECKS } from './checks.js'
import type { LieRow } from './lie.js'
import { LIES } from './lies.js'
import { ending, inTurn, notCaught, text } from './run.js'
import { SESSIONS, type SessionName } from './sessions.js'
import { World, type Sdk } from './stage.js'

export interface Parts {
  /** The package as it is. */
  readonly sdk: Sdk
  /** The package without one check. */
  readonly without: (check: Check) => Promise<Sdk>
  readonly lies: string | undefined
  readonly checks: string | undefined
  readonly verbose: boolean
}

/** Sessions wait for checkpoints most of the time. */
const AT_ONCE = 24

/** Prints what goes wrong and the closing line; whether all held. */
export async function checkLies({ sdk, without, lies, checks, verbose }: Parts): Promise<boolean> {
  const world = await World.start()
  const chosen = LIES.filter(({ name }) => lies === undefined || name.includes(lies))
  const needed = CHECKS.filter(({ name }) => (checks === undefined ? lies === undefined : name.includes(checks)))
  const asked = checks === undefined ? chosen : chosen.filter(() => lies !== undefined)
  const problems: string[] = []
  const problem = (line: string) => (problems.push(line), console.log(line))
  const used = [...new Set(asked.map(({ session }) => session as SessionName))]
  const honest = () => used.map((session) => () => control(world, sdk, session, problem))
  const caught = asked.map((lie) => () => one(world, sdk, lie, problem, verbose))
  const skipped = needed.map((check) => () => needs(world, without, check, problem, verbose))
  const controls = await inTurn(honest(), AT_ONCE)
  const told = await inTurn([...caught, ...skipped], AT_ONCE)
  await world.stop()
  const count = (list: readonly boolean[]) => `${list.filter(Boolean).length} / ${list.length}`
  const [first, second] = [told.slice(0, caught.length), told.slice(caught.length)]
  console.log(`honest sessions ${count(controls)}`)
  console.log(`lies caught ${count(first)}, checks needed ${count(second)}`)
  return problems.length === 0
}

async function control(
  world: World,
  sdk: Sdk,
  session: SessionName,
  problem: (line: string) => void,
): Promise<boolean> {
  const end = await ending(world, sdk, session)
  const isGood = 'shown' in end && text(end.shown) === text(SESSIONS[session].honest)
  if (!isGood) problem(`honest: ${session}: ${'shown' in end ? text(end.shown) : `${end.error}: ${end.message}`}`)
  return isGood
}

async function one(
  world: World,
  sdk: Sdk,
  lie: LieRow,
  problem: (line: string) => void,
  verbose: boolean,
): Promise<boolean> {
  const end = await ending(world, sdk, lie.session, lie)
  const why = notCaught(lie, end)
  if (why !== undefined) problem(`lie: ${lie.name}: ${why}`)
  else if (verbose && 'error' in end) console.log(`lie: ${lie.name}: ${end.error}: ${end.message}`)
  return why === undefined
}

/** Whether a client without the check lets one of its lies through. */
async function needs(
  world: World,
  without: (check: Check) => Promise<Sdk>,
  check: Check,
  problem: (line: string) => void,
  verbose: boolean,
): Promise<boolean> {
  const ends: string[] = []
  let sdk: Sdk
  try {
    sdk = await without(check)
  } catch (error) {
    problem((error as Error).message)
    return false
  }
  for (const name of check.lies) {
    const lie = LIES.find((row) => row.name === name)
    if (lie === undefined) throw new Error(`check ${check.name}: there is no lie “${name}”`)
    const end = await ending(world, sdk, lie.session, lie)
    if ('shown' in end) {
      if (verbose) console.log(`check: ${check.name}: without it “${name}” shows ${text(end.shown)}`)
      return true
    }
    ends.push(`“${name}” is caught as ${end.error}: ${end.message}`)
  }
  problem(`check: ${check.name} is not needed: ${ends.join('; ') || 'it has no lie'}`)
  return false
}
