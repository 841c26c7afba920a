/** Seeds for ids: 25 characters of Crockford base 32. They start with the time, so ids sort by age. Time and randomness come from Clock and Random, so a simulation can repeat them. */
import { Clock, Effect, Random } from "effect"

const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const base32 = (value: number, length: number): string => {
  let text = ""
  let rest = value
  for (let i = 0; i < length; i++) {
    text = digits.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

const part = Effect.map(Random.next, (fraction) => base32(Math.floor(fraction * 2 ** 40), 8))

export const next: Effect.Effect<string> = Effect.zipWith(
  Clock.currentTimeMillis,
  Effect.zipWith(part, part, (a, b) => a + b),
  (millis, random) => base32(millis, 9) + random
)
