import { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { describe, expect, it } from "vitest"
import * as ApprovalOptions from "./ApprovalOptions.ts"
import { byPolicy } from "../client/Approve.ts"
import { keys } from "./TerminalQuestion.ts"
import { render } from "./EventLine.ts"
import { plain } from "./Style.ts"

const asking = (
  choices: ApprovalOptions.Approval["choices"],
  ...options: ReadonlyArray<readonly [string, string]>
): ApprovalOptions.Approval => ({
  kind: "approval",
  title: "Which database shall I drop?",
  choices,
  ...(options.length === 0 ? {} : { options: options.map(([label, kind], at) => ({ optionId: `o${at + 1}`, label, kind })) })
})
const databases = asking(["decline", "cancel"], ["production", "accept"], ["staging", "accept"], ["none", "decline"])
const four = asking(
  ["accept", "accept-for-session", "decline", "cancel"],
  ["Allow once", "accept"],
  ["Always", "accept-for-session"],
  ["Reject", "decline"]
)

describe("options of an approval on the command line", () => {
  it("T13 an answer is an option's id, an offered decision, or the label of exactly one option", () => {
    expect(ApprovalOptions.answerOf(databases, "o2")).toEqual({ optionId: "o2" })
    expect(ApprovalOptions.answerOf(databases, "Staging")).toEqual({ optionId: "o2" })
    expect(ApprovalOptions.answerOf(databases, "decline")).toEqual({ decision: "decline" })
    expect(ApprovalOptions.answerOf(databases, "accept")).toBeUndefined()
    expect(ApprovalOptions.answerOf(asking(["cancel"], ["Yes", "a"], ["yes", "b"]), "yes")).toBeUndefined()
    expect(ApprovalOptions.offered(databases)).toEqual(['o1 "production"', 'o2 "staging"', 'o3 "none"', "decline", "cancel"])
  })

  it("T13 --approve always never picks between two options of one kind; --approve never refuses all of them", () => {
    expect(byPolicy("always", databases)).toBeUndefined()
    expect(
      byPolicy(
        "always",
        asking(["accept", "cancel"], ["here", "accept"], ["a", "accept-for-session"], ["b", "accept-for-session"])
      )
    ).toBeUndefined()
    expect(byPolicy("always", asking(["decline", "cancel"], ["Yes", "allow_persistent"]))).toBeUndefined()
    expect(byPolicy("always", four)).toEqual({ decision: "accept" })
    expect(byPolicy("never", databases)).toEqual({ decision: "decline" })
    expect(byPolicy("never", asking(["cancel"], ["No", "decline"], ["Stop", "decline"]))).toEqual({ decision: "cancel" })
    expect(byPolicy("always", asking(["accept", "decline"]))).toEqual({ decision: "accept" })
  })

  it("T13 a person presses a number, or the letter of a decision that matches exactly one option", () => {
    const shown = (ask: ApprovalOptions.Approval) => keys(ask).map((one) => `[${one.keys.join(", ")}] ${one.words}`)
    expect(shown(databases)).toEqual(["[1] production", "[2] staging", "[3, n] none", "[c] cancel the turn"])
    expect(shown(four)).toEqual(["[1, y] Allow once", "[2, a] Always", "[3, n] Reject", "[c] cancel the turn"])
    expect(keys(databases)[1]?.answer).toEqual({ optionId: "o2" })
  })

  it("T13 the log's lines have the labels of the options and of the chosen one", () => {
    const about = { threadId: ThreadId.make("thr_1"), turnId: TurnId.make("trn_1"), requestId: RequestId.make("req_1") }
    const line = (type: string, data: object) =>
      render(
        {
          offset: 1,
          stream: "thread/thr_1",
          version: 1,
          type,
          at: "2026-11-28T00:00:00.000Z",
          epoch: 1,
          data: { ...about, ...data }
        },
        plain,
        200
      )
    expect(line("request.opened", { ...databases, itemId: ItemId.make("itm_1") })).toContain(
      "shall I drop?  (production | staging | none)"
    )
    expect(line("request.answered", { by: "cli", decision: "accept", optionId: "o2", label: "staging" })).toContain(
      'accept "staging"  by cli'
    )
    expect(line("request.answered", { by: "cli", optionId: "o4" })).toContain('"o4"  by cli')
  })
})
