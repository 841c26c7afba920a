import type { Imported } from "@millrace/contracts/Import"
import { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, Ask } from "@millrace/contracts/Item"
import { expect, it } from "vitest"
import { Markdown } from "./Markdown.ts"

const options = [
  { optionId: "o1", label: "production", kind: "accept" },
  { optionId: "o2", label: "staging\n**db**", kind: "accept" },
  { optionId: "o3", label: "for ever", kind: "allow_persistent" }
]
const ask: Ask = { kind: "approval", title: "Which database?", choices: ["cancel"], options }
const written = (answer: Answer) => {
  const about = { threadId: ThreadId.make("thr_1"), turnId: TurnId.make("trn_1"), requestId: RequestId.make("req_1") }
  const data = { ...about, ask, openedAt: "2026-11-28T00:00:00.000Z", status: "answered", answer, by: "cli" } as const
  return new Markdown().piece({ type: "request.imported", data } satisfies Imported)
}

it("T13 a transcript has the labels of the options and of the chosen one", () => {
  expect(written({ decision: "accept", optionId: "o2", label: "staging" })).toBe(
    "**Asked** Which database?\n\n- production\n- staging **db**\n- for ever\n\nAnswer: **accept** **staging**, by cli\n\n"
  )
  expect(written({ optionId: "o3" })).toContain("Answer: **for ever**, by cli")
  expect(written({ decision: "decline" })).toContain("Answer: **decline**, by cli")
})
