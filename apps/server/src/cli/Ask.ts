/** Asks a person on the terminal: an edge over `node:readline`. */
import { createInterface } from "node:readline/promises"
import { Data, Effect } from "effect"
import type { Answer, Ask, Decision, Question } from "@millrace/contracts/Item"
import type { Style } from "./Style.ts"
import { line } from "./Style.ts"

/** The person ended the input (Ctrl-D): no answer comes from here. */
export class NoAnswer extends Data.TaggedError("NoAnswer") {}

/** One line from the person; interrupting it takes the question back. Ctrl-C there is Ctrl-C of the program. */
const question = (text: string): Effect.Effect<string, NoAnswer> =>
  Effect.tryPromise(async (signal) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    const over = new Promise<never>((_, reject) => void reader.once("close", () => reject(new NoAnswer())))
    reader.on("SIGINT", () => {
      process.stderr.write("\n")
      process.kill(process.pid, "SIGINT")
    })
    try {
      return (await Promise.race([reader.question(text, { signal }), over])).trim()
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

const approval = (ask: Extract<Ask, { readonly kind: "approval" }>, style: Style): Effect.Effect<Answer, NoAnswer> => {
  const offered = letters.filter(([, decision]) => ask.choices.includes(decision))
  const text = `${style.yellow("?")} ${style.bold(line(ask.title, 400))}${ask.reason === undefined ? "" : `\n  ${line(ask.reason, 400)}`}
  ${offered.map(([letter, , words]) => `[${letter}] ${words}`).join("  ")}: `
  return Effect.flatMap(question(text), (typed) => {
    const chosen = offered.find(([letter, decision, words]) => [letter, decision, words].includes(typed.toLowerCase()))
    return chosen === undefined ? approval(ask, style) : Effect.succeed<Answer>({ decision: chosen[1] })
  })
}

/**
 * What a person typed as an answer: the number or the label of an option, several of them separated by commas where the question takes several, else
 * the text as it is.
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

const one = (ask: Question, style: Style): Effect.Effect<ReadonlyArray<string>, NoAnswer> => {
  const options = ask.options ?? []
  const choices = options.map(
    (option, n) =>
      `\n  ${n + 1}  ${line(option.label, 100)}${option.description === undefined ? "" : style.dim(`  ${line(option.description, 200)}`)}`
  )
  const header = ask.header === undefined ? "" : `${style.dim(`${line(ask.header, 100)}:`)} `
  const how = ask.multiple === true && options.length > 0 ? "\n  Several: separate them with commas." : ""
  return Effect.flatMap(
    question(`${style.yellow("?")} ${header}${style.bold(line(ask.text, 1_000))}${choices.join("")}${style.dim(how)}\n> `),
    (typed) => (typed === "" ? one(ask, style) : Effect.succeed(chosen(ask, typed)))
  )
}

/** The person's answer. */
export const person = (ask: Ask, style: Style): Effect.Effect<Answer, NoAnswer> =>
  ask.kind === "approval"
    ? approval(ask, style)
    : Effect.map(
        Effect.forEach(ask.questions, (each) => Effect.map(one(each, style), (answers) => [each.id, answers] as const)),
        (answers) => ({ answers: Object.fromEntries(answers) })
      )
