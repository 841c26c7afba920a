import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import * as Environment from "./Environment.ts"

const seed = 20261130

it("X4 a secret in a text that comes in parts is replaced however the parts divide it; nothing else is lost", () => {
  const secrets = ["s3cret-value", "another\nsecret of two lines"]
  const words = fc.constantFrom("", "\n", "build ok", "s3cret", "-value", ...secrets)
  const made = fc.tuple(
    fc.array(words, { minLength: 1, maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })
  )
  let divided = 0
  for (const [texts, sizes] of fc.sample(made, { numRuns: 500, seed })) {
    const text = texts.join("")
    const parts: Array<string> = []
    for (let at = 0, n = 0; at < text.length; n++) {
      const size = sizes[n % sizes.length] as number
      parts.push(text.slice(at, at + size))
      at += size
    }
    const { end, next } = Environment.partRedactor({ API_KEY: secrets[0], PLAIN: "build ok" }, [secrets[1] as string])
    const shown = parts.map(next).join("") + end()
    expect(shown, `seed ${seed}`).toBe(Environment.redactor({ API_KEY: secrets[0] }, [secrets[1] as string])(text))
    if (shown !== text && !parts.some((part) => secrets.some((secret) => part.includes(secret)))) divided++
  }
  expect(divided).toBeGreaterThan(50)
})

it("X4 of the server's variables only those of the thread are passed on", () => {
  const given = { MILLRACE_TOKEN: "t", MILLRACE_PORT: "20000", MILLRACE_WORKSPACE: "/w", MILLRACE_PROJECT_ROOT: "/p", A: "a" }
  expect(Environment.select({ ...given, PATH: "/bin" }, {})).toEqual({ PATH: "/bin" })
  const { MILLRACE_TOKEN: _, ...passed } = given
  expect(Environment.select({}, given)).toEqual(passed)
})
