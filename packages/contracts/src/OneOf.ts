/** String enumerations. */
import { Schema } from "effect"
import { cut } from "./Text.ts"

/** A string enumeration whose error message lists the allowed values. */
export const oneOf = <const Words extends readonly [string, ...Array<string>]>(...words: Words) =>
  Schema.Literal(...words).annotations({
    message: ({ actual }) => ({
      message: `expected one of ${words.join(", ")}, got ${cut(JSON.stringify(actual) ?? "", 100)}`,
      override: true
    })
  })
