/** What can be said to an approval on the command line: a decision, or one of the agent's own options by its id or its words. */
import type { Answer, ApprovalOption, Ask, Decision } from "@millrace/contracts/Item"
import { line } from "./Style.ts"

export type Approval = Extract<Ask, { readonly kind: "approval" }>

const label = (option: ApprovalOption): string => line(option.label, 100)

/** Each answer that is possible, as it may be typed: `o1 "production"`, then the decisions. */
export const offered = (ask: Approval): ReadonlyArray<string> => [
  ...(ask.options ?? []).map((option) => `${line(option.optionId, 100)} "${label(option)}"`),
  ...ask.choices
]

/** The answer that a word means: an option's id, a decision that is offered, or the words of exactly one option. `undefined`: none, or several. */
export const answerOf = (ask: Approval, word: string): Answer | undefined => {
  const options = ask.options ?? []
  if (options.some(({ optionId }) => optionId === word)) return { optionId: word }
  const decision = ask.choices.find((choice) => choice === word)
  if (decision !== undefined) return { decision }
  const same = options.filter((option) => option.label.toLowerCase() === word.toLowerCase())
  const [only] = same
  return same.length === 1 && only !== undefined ? { optionId: only.optionId } : undefined
}

/** The option that a decision stands for, in the agent's words; the decision itself where there is none. */
export const wordsOf = (ask: Approval, decision: Decision): string => {
  const [only, ...more] = (ask.options ?? []).filter(({ kind }) => kind === decision)
  return only === undefined || more.length > 0 ? decision : `${decision} "${label(only)}"`
}

/** Whether the agent offers several ways to allow it that one word could mean. */
export const isAmbiguous = (ask: Approval, decisions: ReadonlyArray<Decision>): boolean =>
  decisions.some((decision) => (ask.options ?? []).filter(({ kind }) => kind === decision).length > 1)
