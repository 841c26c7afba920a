/** Asks a person on the terminal. */
import { createInterface } from "node:readline/promises"
import { Data, Effect } from "effect"
import type { Answer, Ask, Decision, Question } from "@millrace/contracts/Item"
import * as ApprovalOptions from "./ApprovalOptions.ts"
import type { Style } from "./Style.ts"
import { line } from "./Style.ts"

/** The person closed the input (Ctrl-D) without an answer. */
export class NoAnswer extends Data.TaggedError("NoAnswer") {}

/** Reads one line from the person. Interruption withdraws the prompt. Ctrl-C sends SIGINT to the program. */
export const question = (text: string): Effect.Effect<string, NoAnswer> =>
  Effect.tryPromise(async (signal) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    const closed = new Promise<never>((_, reject) => void reader.once("close", () => reject(new NoAnswer())))
    reader.on("SIGINT", () => {
      process.stderr.write("\n")
      process.kill(process.pid, "SIGINT")
    })
    try {
      return (await Promise.race([reader.question(text, { signal }), closed])).trim()
    } finally {
      reader.close()
    }
  }).pipe(Effect.mapError(() => new NoAnswer()))

const letters: ReadonlyArray<readonly [string, Decision, string]> = [
  ["y", "accept", "yes"],
  ["a", "accept-for-session", "always in this session"],
  ["n", "decline", "no"],
  ["c", "cancel", "cancel the turn"]
]

/** The keys that a person may press, with their labels: the agent's options by number or decision letter, then the decisions without an option. */
export const keys = (
  ask: ApprovalOptions.Approval
): ReadonlyArray<{ readonly keys: ReadonlyArray<string>; readonly words: string; readonly answer: Answer }> => {
  const options = ask.options ?? []
  const decisions = letters.filter(([, decision]) => ask.choices.includes(decision))
  return [
    ...options.map(({ kind, label, optionId }, at) => ({
      keys: [`${at + 1}`, ...decisions.flatMap(([letter, decision]) => (decision === kind ? [letter] : []))],
      words: line(label, 100),
      answer: { optionId }
    })),
    ...decisions.flatMap(([letter, decision, words]) =>
      options.some(({ kind }) => kind === decision) ? [] : [{ keys: [letter], words, answer: { decision } }]
    )
  ]
}

const approval = (ask: ApprovalOptions.Approval, style: Style): Effect.Effect<Answer, NoAnswer> => {
  const offered = keys(ask)
  const choices = offered.map(({ keys, words }) => `[${keys.join(", ")}] ${words}`).join("  ")
  const reason = ask.reason === undefined ? "" : `\n  ${line(ask.reason, ask.options === undefined ? 400 : 4000)}`
  const text = `${style.yellow("?")} ${style.bold(line(ask.title, 400))}${reason}\n  ${choices}: `
  return Effect.flatMap(question(text), (typed) => {
    const pressed = offered.find(({ keys }) => keys.includes(typed.toLowerCase()))
    // Two options with the same label are ambiguous: neither is selected.
    const [labelled, ...more] = offered.filter(({ words }) => words.toLowerCase() === typed.toLowerCase())
    const answer = pressed?.answer ?? ApprovalOptions.answerOf(ask, typed) ?? (more.length === 0 ? labelled?.answer : undefined)
    return answer === undefined ? approval(ask, style) : Effect.succeed(answer)
  })
}

/**
 * Answers from typed text: the number or label of an option (several, separated by commas, where the question allows them), else the text itself.
 */
export const chosen = ({ multiple, options = [] }: Question, typed: string): ReadonlyArray<string> => {
  const labelOf = (text: string) =>
    options.find(({ label }) => label.toLowerCase() === text.toLowerCase())?.label ??
    (/^\d+$/.test(text) ? options[Number(text) - 1]?.label : undefined)
  const whole = labelOf(typed)
  if (whole !== undefined || multiple !== true) return [whole ?? typed]
  const pieces = typed
    .split(",")
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "")
  const labels = pieces.flatMap((piece) => labelOf(piece) ?? [])
  return labels.length === pieces.length && labels.length > 0 ? [...new Set(labels)] : [typed]
}

const askQuestion = (ask: Question, style: Style): Effect.Effect<ReadonlyArray<string>, NoAnswer> => {
  const options = ask.options ?? []
  const choices = options.map(
    (option, n) =>
      `\n  ${n + 1}  ${line(option.label, 100)}${option.description === undefined ? "" : style.dim(`  ${line(option.description, 200)}`)}`
  )
  const header = ask.header === undefined ? "" : `${style.dim(`${line(ask.header, 100)}:`)} `
  const how = ask.multiple === true && options.length > 0 ? "\n  Several: separate them with commas." : ""
  return Effect.flatMap(
    question(`${style.yellow("?")} ${header}${style.bold(line(ask.text, 1_000))}${choices.join("")}${style.dim(how)}\n> `),
    (typed) => (typed === "" ? askQuestion(ask, style) : Effect.succeed(chosen(ask, typed)))
  )
}

/** Asks a person for the answer. Repeats a prompt until its input is valid. */
export const person = (asked: Ask, style: Style): Effect.Effect<Answer, NoAnswer> => {
  const ask = ApprovalOptions.choosable(asked)
  return ask.kind === "approval"
    ? approval(ask, style)
    : Effect.map(
        Effect.forEach(ask.questions, (each) => Effect.map(askQuestion(each, style), (answers) => [each.id, answers] as const)),
        (answers) => ({ answers: Object.fromEntries(answers) })
      )
}
