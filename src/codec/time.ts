/** RFC 3339 times as whole seconds since 1970-01-01T00:00:00Z, by calendar arithmetic alone; years 0000 to 9999. */

const FORM = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/u

const SECONDS_PER_DAY = 86_400
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

/** 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
export const EARLIEST_TIME = -62_167_219_200n
export const LATEST_TIME = 253_402_300_799n

/**
 * Seconds, fractions cut off, or undefined if `text` is no RFC 3339 time. A leap second is read as the second after it.
 */
export function parseRfc3339(text: string): bigint | undefined {
  const { seconds, isLeapSecond } = readCalendarTime(text) ?? {}
  if (seconds === undefined || seconds < EARLIEST_TIME || seconds > LATEST_TIME) return undefined
  return isLeapSecond && !isStartOfMonth(seconds) ? undefined : seconds
}

/** What a text in the form of RFC 3339 says. */
interface CalendarTime {
  /** Fractions cut off; undefined if the calendar has no such day or the clock no such time. */
  readonly seconds: bigint | undefined
  /** Read as the second after it, wherever it stands. */
  readonly isLeapSecond: boolean
}

/** Undefined for another form. Neither the year in UTC nor the place of a leap second is asked: `parseRfc3339` does. */
export function readCalendarTime(text: string): CalendarTime | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const offset = offsetSeconds(match[7], match[8], match[9])
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
  if (!isDay || hour > 23 || minute > 59 || second > 60 || offset === undefined)
    return { seconds: undefined, isLeapSecond: false }
  const seconds = daysBefore(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second - offset
  return { seconds: BigInt(seconds), isLeapSecond: second === 60 }
}

/**
 * Seconds of a time in the form that `formatRfc3339` writes, from `start` to before `end` of ASCII; undefined for any
 * other, which `parseRfc3339` may know.
 */
export function plainTime(ascii: Uint8Array, start: number, end: number): bigint | undefined {
  if (end - start !== PLAIN_FORM.length) return undefined
  for (let i = 0; i < PLAIN_FORM.length; i++) {
    const [wanted, code] = [PLAIN_FORM.charCodeAt(i), ascii[start + i]!]
    if (wanted === ZERO ? code < ZERO || code > ZERO + 9 : code !== wanted) return undefined
  }
  const two = (at: number) => 10 * (ascii[start + at]! - ZERO) + ascii[start + at + 1]! - ZERO
  const [year, month, day] = [100 * two(0) + two(2), two(5), two(8)]
  const [hour, minute, second] = [two(11), two(14), two(17)]
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
  if (!isDay || hour > 23 || minute > 59 || second > 59) return undefined
  return BigInt(daysBefore(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second)
}

const PLAIN_FORM = '0000-00-00T00:00:00Z'
const ZERO = 0x30

/** `YYYY-MM-DDTHH:MM:SSZ`. Throws RangeError outside the years 0000 to 9999. */
export function formatRfc3339(seconds: bigint): string {
  if (seconds < EARLIEST_TIME || seconds > LATEST_TIME) throw new RangeError(`no RFC 3339 time has ${seconds} seconds`)
  const total = Number(seconds)
  const days = Math.floor(total / SECONDS_PER_DAY)
  const rest = total - days * SECONDS_PER_DAY
  const [year, month, day] = civil(days)
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`
  return `${date}T${pad(Math.floor(rest / 3_600), 2)}:${pad(Math.floor(rest / 60) % 60, 2)}:${pad(rest % 60, 2)}Z`
}

/** Leap seconds end a month in UTC (RFC 3339 §5.7); which months had one is not asked. */
function isStartOfMonth(seconds: bigint): boolean {
  const days = Number(seconds) / SECONDS_PER_DAY
  return Number.isInteger(days) && civil(days)[2] === 1
}

function offsetSeconds(sign: string | undefined, hours = '00', minutes = '00'): number | undefined {
  if (sign === undefined) return 0
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  const seconds = Number(hours) * 3_600 + Number(minutes) * 60
  return sign === '-' ? -seconds : seconds
}

function daysIn(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return MONTH_DAYS[month - 1]! + Number(leap)
}

/** Days from 1970-01-01 to the given day; years are counted from March, so that a leap day is a year's last. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

function civil(days: number): [number, number, number] {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return [yearOfEra + era * 400 + Number(month <= 2), month, day]
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
