/** What a guest chooses among: the options of a listing and their values, and the stock of each combination. */

import { Field } from './forms.js'
import type { ListingDraft } from './listing-changes.js'
import { stockName } from './listing-changes.js'
import {
  amountField,
  combinations,
  COMBINATIONS_MAX,
  newOption,
  newValue,
  optionField,
  type Adds,
  type OptionDraft,
  type ValueDraft,
} from './options.js'
import { Scroll } from './shared.js'

const ADDS: readonly (readonly [adds: Adds, text: string])[] = [
  ['nothing', 'Same price'],
  ['plus', 'Costs more by'],
  ['minus', 'Costs less by'],
  ['percent', '% of the price'],
]

interface OptionsProps {
  readonly options: readonly OptionDraft[]
  /** Of the pricing currency. */
  readonly symbol: string
  readonly change: (options: readonly OptionDraft[]) => void
}

export function OptionsEditor({ options, symbol, change }: OptionsProps) {
  const put = (at: number, option: OptionDraft) => change(options.with(at, option))
  return (
    <fieldset className="options">
      <legend>Options</legend>
      {options.length > 0 ? null : <p className="note">None: it is sold in one form. Sizes and colours are options.</p>}
      {options.map((option, i) => (
        <OptionFields
          key={option.key}
          option={option}
          symbol={symbol}
          change={(mine) => put(i, mine)}
          remove={() => change(options.toSpliced(i, 1))}
        />
      ))}
      <p className="row">
        <button type="button" onClick={() => change([...options, newOption()])}>
          Add an option
        </button>
      </p>
    </fieldset>
  )
}

interface OptionProps {
  readonly option: OptionDraft
  readonly symbol: string
  readonly change: (option: OptionDraft) => void
  readonly remove: () => void
}

function OptionFields({ option, symbol, change, remove }: OptionProps) {
  const { key, title, values } = option
  const put = (at: number, value: ValueDraft) => change({ ...option, values: values.with(at, value) })
  const name = title.trim() === '' ? 'this option' : title.trim()
  return (
    <div className="option" role="group" aria-label={`Option ${name}`}>
      <div className="row">
        <Field label="Option" name={optionField(key)}>
          <input
            required
            placeholder="Size"
            value={title}
            onChange={(event) => change({ ...option, title: event.target.value })}
          />
        </Field>
        <button type="button" className="quiet" onClick={remove}>
          Remove {name}
        </button>
      </div>
      <ul className="values">
        {values.map((value, i) => (
          <ValueFields
            key={value.key}
            value={value}
            symbol={symbol}
            change={(mine) => put(i, mine)}
            remove={() => change({ ...option, values: values.toSpliced(i, 1) })}
          />
        ))}
      </ul>
      <p className="row">
        <button type="button" onClick={() => change({ ...option, values: [...values, newValue()] })}>
          Add a value<span className="visually-hidden"> of {name}</span>
        </button>
      </p>
    </div>
  )
}

interface ValueProps {
  readonly value: ValueDraft
  readonly symbol: string
  readonly change: (value: ValueDraft) => void
  readonly remove: () => void
}

function ValueFields({ value, symbol, change, remove }: ValueProps) {
  const { key, title, sku, adds, amount } = value
  const unit = adds === 'percent' ? '%' : symbol
  return (
    <li>
      <Field label="Value" name={key}>
        <input
          required
          placeholder="Large"
          value={title}
          onChange={(event) => change({ ...value, title: event.target.value })}
        />
      </Field>
      <Field label="Its price">
        <select value={adds} onChange={(event) => change({ ...value, adds: event.target.value as Adds })}>
          {ADDS.map(([kind, text]) => (
            <option key={kind} value={kind}>
              {text}
            </option>
          ))}
        </select>
      </Field>
      <Field label={adds === 'nothing' ? 'Amount' : `Amount, ${unit}`} name={amountField(key)}>
        <input
          required={adds !== 'nothing'}
          disabled={adds === 'nothing'}
          inputMode="decimal"
          placeholder={adds === 'percent' ? '120' : ''}
          value={adds === 'nothing' ? '' : amount}
          onChange={(event) => change({ ...value, amount: event.target.value })}
        />
      </Field>
      <Field label="SKU">
        <input value={sku} onChange={(event) => change({ ...value, sku: event.target.value })} />
      </Field>
      <button type="button" className="quiet" aria-label={`Remove value ${title}`} onClick={remove}>
        ✕
      </button>
    </li>
  )
}

interface StockProps {
  readonly draft: ListingDraft
  readonly change: (stock: ListingDraft['stock']) => void
}

/** One field for a listing without options, else a table with a row for each combination. */
export function StockEditor({ draft: { options, stock }, change }: StockProps) {
  const variants = combinations(options)
  const put = (name: string, text: string) => {
    if (/^\d*$/u.test(text)) change(new Map([...stock, [name, text === '' ? undefined : BigInt(text)]]))
  }
  const input = (keys: readonly string[], label?: string) => (
    <input
      type="number"
      min="0"
      step="1"
      aria-label={label}
      value={String(stock.get(stockName(keys)) ?? '')}
      onChange={(event) => put(stockName(keys), event.target.value)}
    />
  )
  if (variants.length === 1 && variants[0]!.length === 0) return <Field label="Pieces in stock">{input([])}</Field>
  if (variants.length > COMBINATIONS_MAX)
    return (
      <p className="problem">
        That makes {variants.length} variants: {COMBINATIONS_MAX} is what this form can do.
      </p>
    )
  const titles = new Map(options.flatMap(({ values }) => values.map(({ key, title }) => [key, title.trim() || '…'])))
  return (
    <fieldset>
      <legend>Pieces in stock</legend>
      <Scroll label="Stock of each variant">
        <table className="rows items stock">
          <tbody>
            {variants.map((keys) => {
              const name = keys.map((key) => titles.get(key)!).join(' / ')
              return (
                <tr key={keys.join()}>
                  <th scope="row">{name}</th>
                  <td className="number">{input(keys, `Stock of ${name}`)}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Scroll>
    </fieldset>
  )
}
