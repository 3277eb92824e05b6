/** What became of each thing that was done: every write has its line, a conflict shows both values. */

import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react'
import { createPortal } from 'react-dom'
import { EditConflict } from './checked-write.js'
import { refusedOf, sentenceOf, type Refused } from './sentences.js'
import { DialogPlace, LOOK_ONLY, useSession } from './shared.js'
import { withOutcome, type ToldOutcome } from './told-outcomes.js'

interface Outcome extends ToldOutcome {
  readonly text: string
  readonly conflict?: EditConflict | undefined
}

interface Outcomes {
  /** Whether it was done. `act` resolves with what there is to say of it. */
  readonly run: (what: string, act: () => Promise<string | void>, options?: RunOptions) => Promise<boolean>
  /** Something happened by itself. */
  readonly tell: (what: string, text: string) => void
}

interface RunOptions {
  /** Of what conflicted: does it whatever others wrote. */
  readonly anyway?: () => Promise<string | void>
  /** It changes nothing in the shop. */
  readonly reads?: boolean
  /** Of a form: is told which of its fields was refused, and at the start that none is. */
  readonly refuse?: ((refused: Refused | undefined) => void) | undefined
}

const OutcomesContext = createContext<Outcomes | undefined>(undefined)
const DONE_MS = 8_000
let lastId = 0

export function useOutcomes(): Outcomes {
  return useContext(OutcomesContext)!
}

export function OutcomesProvider({ children }: { readonly children: ReactNode }) {
  const { lookOnly } = useSession()
  const [list, setList] = useState<readonly Outcome[]>([])
  const [dialog, setDialog] = useState<HTMLElement | null>(null)
  const drop = useCallback((id: number) => setList((all) => all.filter((one) => one.id !== id)), [])
  const put = useCallback(
    (outcome: Outcome) => {
      setList((all) => withOutcome(all, outcome))
      if (outcome.state === 'done' || outcome.state === 'news') setTimeout(() => drop(outcome.id), DONE_MS)
    },
    [drop],
  )
  const place = useCallback((opened: HTMLElement | null) => {
    setDialog(opened)
    // What is done already is no matter of a dialog, and would move its form when it goes.
    if (opened !== null) setList((all) => all.filter(({ state }) => state !== 'done'))
  }, [])
  const outcomes = useMemo(() => outcomesInto(put, lookOnly), [put, lookOnly])
  const shown = (
    <section className="outcomes" aria-label="What became of it" role="status">
      {list.map((outcome) => (
        <OutcomeCard key={outcome.id} outcome={outcome} close={() => drop(outcome.id)} />
      ))}
    </section>
  )
  return (
    <OutcomesContext value={outcomes}>
      <DialogPlace value={place}>
        {children}
        {dialog === null ? shown : createPortal(shown, dialog)}
      </DialogPlace>
    </OutcomesContext>
  )
}

function outcomesInto(put: (outcome: Outcome) => void, lookOnly: boolean): Outcomes {
  const run: Outcomes['run'] = async (what, act, { anyway, reads = false, refuse } = {}) => {
    const id = ++lastId
    if (lookOnly && !reads) {
      put({ id, what, state: 'failed', text: LOOK_ONLY })
      return false
    }
    put({ id, what, state: 'busy', text: 'Under way …' })
    refuse?.(undefined)
    try {
      put({ id, what, state: 'done', text: (await act()) ?? 'Done.' })
      return true
    } catch (error) {
      const conflict = error instanceof EditConflict ? error : undefined
      const again = conflict && anyway && (() => void run(what, anyway))
      put({ id, what, state: 'failed', text: sentenceOf(error), conflict, anyway: again })
      refuse?.(refusedOf(error))
      return false
    }
  }
  return { run, tell: (what, text) => put({ id: ++lastId, what, state: 'news', text }) }
}

function OutcomeCard({ outcome, close }: { readonly outcome: Outcome; readonly close: () => void }) {
  const { what, state, text, conflict, anyway } = outcome
  const sign = { busy: '…', done: '✓', failed: '!', news: '•' }[state]
  return (
    <article className={`outcome ${state}`}>
      <span className="sign" aria-hidden="true">
        {sign}
      </span>
      <div>
        <strong>{what}</strong>
        <p>{text}</p>
        {conflict === undefined || conflict.fields.length === 0 ? null : <ConflictTable conflict={conflict} />}
        {anyway === undefined ? null : (
          <p className="row">
            <button type="button" onClick={close}>
              Keep theirs
            </button>
            <button type="button" className="danger" onClick={() => (close(), anyway())}>
              Write mine all the same
            </button>
          </p>
        )}
      </div>
      <button type="button" className="quiet" aria-label={`Dismiss: ${what}`} onClick={close}>
        ✕
      </button>
    </article>
  )
}

function ConflictTable({ conflict: { fields } }: { readonly conflict: EditConflict }) {
  return (
    <>
      <table className="conflict">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">You saw</th>
            <th scope="col">It is now</th>
            <th scope="col">Yours</th>
          </tr>
        </thead>
        <tbody>
          {fields.slice(0, FIELDS_MAX).map(({ name, before, theirs, mine }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{before}</td>
              <td>{theirs}</td>
              <td>{mine}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {fields.length > FIELDS_MAX ? <p className="note">and {fields.length - FIELDS_MAX} more</p> : null}
    </>
  )
}

/** An import may have thousands. */
const FIELDS_MAX = 8
