import { expect, it } from "vitest"
import { defined } from "./Defined.ts"

it("an undefined field has no key; the others keep their order and values", () => {
  const nothing: number | undefined = undefined
  const fields = defined({ b: 1, a: nothing, d: null, c: "", e: false, f: 0 })
  expect(JSON.stringify({ z: 1, ...fields, y: 2 })).toBe('{"z":1,"b":1,"d":null,"c":"","e":false,"f":0,"y":2}')
  // A default is not overwritten by an absent value.
  expect({ a: 5, ...defined({ a: nothing }) }).toEqual({ a: 5 })
})
