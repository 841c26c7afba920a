/** decide for approval rules: an approval that a rule matches is answered in the commit that opens it. */
import { nameOf } from "@millrace/contracts/ApprovalRule"
import type { Answer, Ask } from "@millrace/contracts/Item"
import { Either } from "effect"
import { decisionFor } from "./decideAnswer.ts"
import type { Draft } from "./Draft.ts"
import * as Rules from "../state/Rules.ts"
import type { ThreadState } from "../state/ThreadState.ts"

export interface ByRule {
  /** The rule's name. */
  readonly rule: string
  readonly answer: Answer
}

/** The answer of the first rule that matches, the thread's before the server's. `undefined`: none matches, or the request does not offer the decision. */
export const byRule = (
  { context }: Draft,
  { approve = [], cwd }: ThreadState,
  ask: Ask,
  inside: ReadonlyArray<string> | undefined
): ByRule | undefined => {
  if (ask.kind !== "approval") return undefined
  const rule = Rules.matching([...approve, ...(context.approve ?? [])], { ask, cwd, inside })
  const answer = rule === undefined ? undefined : Either.getOrUndefined(decisionFor(rule.decision, ask))
  return rule === undefined || answer === undefined ? undefined : { rule: nameOf(rule), answer }
}

/** The rule that a person may add, so that it accepts this request from now on. */
export const proposedRule = ({ cwd }: ThreadState, ask: Ask, inside: ReadonlyArray<string> | undefined) =>
  ask.kind === "approval" && Either.isRight(decisionFor("accept", ask)) ? Rules.proposed({ ask, cwd, inside }) : undefined
