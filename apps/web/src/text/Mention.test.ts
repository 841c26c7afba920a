import { expect, it } from "vitest"
import { mentionAt, withPath } from "./Mention.ts"

it("X1 a mention begins with @ at the start of a word and ends at the caret", () => {
  expect(mentionAt("@", 1)).toEqual({ start: 0, query: "" })
  expect(mentionAt("see @src/a", 10)).toEqual({ start: 4, query: "src/a" })
  expect(mentionAt("see @src/a and", 8)).toEqual({ start: 4, query: "src" })
  expect(mentionAt("a\n@b", 4)).toEqual({ start: 2, query: "b" })
  for (const text of ["a@b", "@a ", "@@", "", "a"]) expect(mentionAt(text, text.length)).toBeUndefined()
})

it("X1 the path replaces the mention, and the text around it stays", () => {
  expect(withPath("see @src and", { start: 4, query: "src" }, "src/a.ts")).toEqual({ text: "see src/a.ts  and", caret: 13 })
  expect(withPath("@", { start: 0, query: "" }, "read me.md")).toEqual({ text: '"read me.md" ', caret: 13 })
})
