/** Forms and their fields: what is refused is told at the field that it is about. */

import {
  cloneElement,
  createContext,
  useContext,
  useEffect,
  useId,
  useRef,
  useState,
  type FormHTMLAttributes,
  type HTMLAttributes,
  type ReactElement,
} from 'react'
import type { Refused } from './sentences.js'

/** Tells a form which of its fields was refused; undefined: none. */
export type Refuse = (refused: Refused | undefined) => void

/** What of the fields inside was refused. */
export const RefusedField = createContext<Refused | undefined>(undefined)

interface FormProps extends Omit<FormHTMLAttributes<HTMLFormElement>, 'onSubmit'> {
  readonly submit: (refuse: Refuse) => void
}

export function Form({ submit, ...more }: FormProps) {
  const [refused, refuse] = useState<Refused | undefined>()
  return (
    <RefusedField value={refused}>
      <form
        {...more}
        onInput={({ target }) => {
          if ((target as Element).getAttribute('aria-invalid') === 'true') refuse(undefined)
        }}
        onSubmit={(event) => {
          event.preventDefault()
          submit(refuse)
        }}
      />
    </RefusedField>
  )
}

interface FieldProps {
  readonly label: string
  /** As refusals call it; its label if left out. */
  readonly name?: string
  readonly hint?: string | undefined
  /** The input. */
  readonly children: ReactElement<HTMLAttributes<HTMLElement>>
}

/** One that was refused is gone to, and says why until it is changed. */
export function Field({ label, name = label, hint, children }: FieldProps) {
  const refused = useContext(RefusedField)
  const problem = refused?.field === name ? refused.text : undefined
  const place = useRef<HTMLDivElement>(null)
  const id = useId()
  useEffect(() => {
    if (problem !== undefined) place.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus()
  }, [problem])
  const [ofProblem, ofHint] = [`${id}problem`, `${id}hint`]
  const notes = [...(problem === undefined ? [] : [ofProblem]), ...(hint === undefined ? [] : [ofHint])]
  const told = {
    ...(notes.length > 0 && { 'aria-describedby': notes.join(' ') }),
    ...(problem !== undefined && { 'aria-invalid': true }),
  }
  return (
    <div ref={place} className="field">
      <label>
        <span>{label}</span>
        {cloneElement(children, told)}
      </label>
      {problem === undefined ? null : (
        <small id={ofProblem} className="problem">
          {problem}
        </small>
      )}
      {hint === undefined ? null : <small id={ofHint}>{hint}</small>}
    </div>
  )
}
