import { expect, it } from "vitest"
import * as TerminalQuestion from "./TerminalQuestion.ts"

const options = [{ label: "Search" }, { label: "Export, all" }, { label: "2024" }]
const question = { id: "q", text: "Which?", options }

it("T13 an answer is an option's number or label, several where the question takes several, else the text as it is", () => {
  const one = (typed: string) => TerminalQuestion.chosen(question, typed)
  const several = (typed: string) => TerminalQuestion.chosen({ ...question, multiple: true }, typed)
  expect(one("1")).toEqual(["Search"])
  expect(one("search")).toEqual(["Search"])
  expect(one("1, 3")).toEqual(["1, 3"])
  expect(one("9")).toEqual(["9"])
  expect(one("1.5")).toEqual(["1.5"])
  expect(several("1, 3")).toEqual(["Search", "2024"])
  expect(several("3,2024 , 1")).toEqual(["2024", "Search"])
  expect(several("Export, all")).toEqual(["Export, all"])
  expect(several("search, something else")).toEqual(["search, something else"])
  expect(TerminalQuestion.chosen({ id: "q", text: "?" }, "free, text")).toEqual(["free, text"])
})
