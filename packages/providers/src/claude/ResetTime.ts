import { defined } from "@millrace/contracts/Defined"
/** Parses the reset time of a Claude usage limit. Pure; the current time is an input. */

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ")
const day = 86_400_000

/** Seconds since 1970 as ISO 8601; `undefined` for a value that is not a valid time. */
export const fromSeconds = (seconds: unknown): string | undefined => {
  const date = new Date(typeof seconds === "number" ? seconds * 1000 : Number.NaN)
  return Number.isNaN(date.getTime()) || date.getTime() <= 0 ? undefined : date.toISOString()
}

/** The local time of the zone at `at`, encoded as if it were UTC; `undefined` for an unknown zone. Whole minutes. */
const wallOf = (zone: string | undefined, at: number): number | undefined => {
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      ...defined({ timeZone: zone }),
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric"
    })
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const of = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? Number.NaN
    return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"))
  } catch {
    // RangeError: no zone has this name.
    return undefined
  }
}

/**
 * Parses `You've hit your session limit · resets 11pm (UTC)` or `resets Dec 3, 4:30am (Europe/Berlin)`. Returns the next such time after `now`,
 * ISO 8601. The default zone is the machine's.
 */
export const fromWords = (message: string, now: number): string | undefined => {
  const found = /\bresets (?:([a-z]{3})[a-z]* (\d{1,2}),? (?:at )?)?(\d{1,2})(?::(\d{2}))? ?(am|pm)(?: \(([\w/+-]+)\))?/i.exec(
    message
  )
  if (found === null) return undefined
  const [, month, date, hours, minutes = "0", half, zone] = found
  const wall = wallOf(zone, now)
  if (wall === undefined) return undefined
  const today = new Date(wall)
  const hour = (Number(hours) % 12) + (half?.toLowerCase() === "pm" ? 12 : 0)
  const named = month === undefined ? undefined : months.indexOf(month.toLowerCase())
  const at = (year: number, ofMonth: number, ofDay: number) => Date.UTC(year, ofMonth, ofDay, hour, Number(minutes))
  const wanted =
    named === undefined || named < 0
      ? at(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate())
      : at(today.getUTCFullYear(), named, Number(date))
  // `wall` has whole minutes only.
  const passed = wanted <= wall
  const next = !passed ? wanted : named === undefined ? wanted + day : at(today.getUTCFullYear() + 1, named, Number(date))
  // When the zone's offset changes before that time, the offset at that time applies.
  const guess = next - (wall - Math.floor(now / 60_000) * 60_000)
  const shown = wallOf(zone, guess)
  return shown === undefined ? undefined : new Date(guess + (next - shown)).toISOString()
}
