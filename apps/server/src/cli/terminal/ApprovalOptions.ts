/** Answers to an approval on the command line: a decision, or one of the agent's options by its id or label. */
import type { Answer, ApprovalOption, Ask, Decision } from "@millrace/contracts/Item"
import { line } from "./Style.ts"

export type Approval = Extract<Ask, { readonly kind: "approval" }>

/** A request to sign in as an approval of its decisions. */
export const choosable = (ask: Ask): Exclude<Ask, { readonly kind: "sign-in" }> =>
  ask.kind === "sign-in" ? { kind: "approval", title: ask.title, reason: ask.instructions, choices: ask.choices } : ask

const label = (option: ApprovalOption): string => line(option.label, 100)

/** Every possible answer as it is typed: the options, like `o1 "production"`, then the decisions. */
export const offered = (ask: Approval): ReadonlyArray<string> => [
  ...(ask.options ?? []).map((option) => `${line(option.optionId, 100)} "${label(option)}"`),
  ...ask.choices
]

/** The answer that a typed word selects: an option's id, an offered decision, or the label of exactly one option; else `undefined`. */
export const answerOf = (ask: Approval, word: string): Answer | undefined => {
  const options = ask.options ?? []
  if (options.some(({ optionId }) => optionId === word)) return { optionId: word }
  const decision = ask.choices.find((choice) => choice === word)
  if (decision !== undefined) return { decision }
  const same = options.filter((option) => option.label.toLowerCase() === word.toLowerCase())
  const [only] = same
  return same.length === 1 && only !== undefined ? { optionId: only.optionId } : undefined
}

/** A decision with the label of its option; the decision alone when no option, or more than one, is of that kind. */
export const wordsOf = (ask: Approval, decision: Decision): string => {
  const [only, ...more] = (ask.options ?? []).filter(({ kind }) => kind === decision)
  return only === undefined || more.length > 0 ? decision : `${decision} "${label(only)}"`
}

/** Whether one of these decisions matches more than one of the agent's options. */
export const isAmbiguous = (ask: Approval, decisions: ReadonlyArray<Decision>): boolean =>
  decisions.some((decision) => (ask.options ?? []).filter(({ kind }) => kind === decision).length > 1)
