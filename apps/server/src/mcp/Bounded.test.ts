import { expect, it } from "@effect/vitest"
import * as Bounded from "./Bounded.ts"

it("M1 the parts of a text are within their bound, split no character, and are the whole text together", () => {
  const text = "a\u{1F600}b\u{1F600}\u{1F600}c".repeat(5)
  for (const characters of [2, 3, 4, 7, 1000]) {
    const parts: Array<string> = []
    for (let after: number | undefined = 0; after !== undefined;) {
      const part: { readonly text: string; readonly after?: number } = Bounded.part(text, after, characters)
      expect(part.text.length).toBeLessThanOrEqual(characters)
      expect(part.text.isWellFormed()).toBe(true)
      parts.push(part.text)
      after = part.after
    }
    expect(parts.join("")).toBe(text)
  }
})
