/**
 * What it takes for one turn to go on with the work of another that was cut off, by the death of the server or by a usage limit: how often, when,
 * and in which words (docs/decisions/0026). Pure; who decides is `decideContinuation`.
 */
import { createHash } from "node:crypto"
import type { Answers, Ask, Failure } from "@millrace/contracts/Item"
import type { Continuation, Continues, RecoveryPolicy, TurnAction } from "@millrace/contracts/State"
import { Duration, Either } from "effect"
import { cutText } from "./Limits.ts"
import type { OpenRequest, OpenTurn } from "./ThreadState.ts"

/** How far work goes on by itself. */
export interface Policy {
  /** For threads that have no policy of their own. */
  readonly recovery: RecoveryPolicy
  /** In a row: a turn that takes its server down with it does not do so for ever. */
  readonly maxRestarts: number
  /** Usage limits waited for, in a row. */
  readonly maxWaits: number
  /** Milliseconds from the first limit of a row to the last wait's end. */
  readonly maxTotal: number
  /** Milliseconds to wait for a limit that does not say when it ends. */
  readonly fallback: number
  /** Milliseconds after which nobody is asked any more. */
  readonly asking: number
}

export interface Options {
  /** What becomes of a turn that ran when the server died, in threads without a policy of their own. Default settle. */
  readonly recovery?: RecoveryPolicy
  /** Default 3. */
  readonly maxRestarts?: number
  /** Usage limits that one thread waits for in a row. Default 5. */
  readonly maxWaits?: number
  /** The longest that a row of waits may take. Default 24 hours. */
  readonly maxTotal?: Duration.DurationInput
  /** The wait for a limit that does not say when it ends. Default 15 minutes. */
  readonly fallback?: Duration.DurationInput
  /** How long it is asked whether a turn goes on. Default 7 days. */
  readonly asking?: Duration.DurationInput
}

const minute = 60_000
const day = 24 * 60 * minute

/** Where nobody says otherwise. */
export const defaults: Policy = {
  recovery: "settle",
  maxRestarts: 3,
  maxWaits: 5,
  maxTotal: day,
  fallback: 15 * minute,
  asking: 7 * day
}

/** Options with their defaults, in milliseconds. */
export const policy = ({ asking, fallback, maxTotal, ...given }: Options): Policy => ({
  ...defaults,
  ...given,
  ...(asking === undefined ? {} : { asking: Duration.toMillis(asking) }),
  ...(fallback === undefined ? {} : { fallback: Duration.toMillis(fallback) }),
  ...(maxTotal === undefined ? {} : { maxTotal: Duration.toMillis(maxTotal) })
})

/** Never sooner than this, whatever an agent says of its limit. */
const leastWait = minute
/** Encoded bytes of the prompt that is said again; the agent has the whole in its own history, if it has one. */
const promptBytes = 32 * 1024
const heading = "The request was:\n\n"

const prefaces: Record<Continues["because"], string> = {
  restart:
    "The server that ran you stopped while you worked on a request, and which of your last steps took effect is not known. Look at the state of the work first, then go on and finish it.",
  limit: "A usage limit ended your last turn before its work was done. Go on with it and finish it."
}

/** What the agent is told: it may know the request from its own history, or not any more, so it is said again. An action is done again: its words stay. */
export const textOf = (
  because: Continues["because"],
  turn: { readonly text: string; readonly origin: string; readonly action?: TurnAction | undefined }
): string => {
  if (turn.action !== undefined) return turn.text
  const at = turn.origin === "continuation" ? turn.text.indexOf(heading) : -1
  const request = at < 0 ? (turn.origin === "continuation" ? "" : turn.text) : turn.text.slice(at + heading.length)
  return request === "" ? prefaces[because] : `${prefaces[because]}\n\n${heading}${cutText(request, promptBytes)}`
}

/** A digest of what is asked, without whose item asks it: the same words are the same question. */
const wordsOf = (ask: Ask): string =>
  createHash("sha1")
    .update(
      JSON.stringify(
        ask.kind === "approval"
          ? [ask.title, ask.command, ask.cwd, ask.changes, ask.choices, ...(ask.options === undefined ? [] : [ask.options])]
          : [ask.title, ask.questions.map(({ text, options }) => [text, options])]
      )
    )
    .digest("base64")

/** Requests of a turn that can be known again. */
const maxRequests = 20

/** What is said of the next turn of a row; `open`: what expires with this one. */
export const next = (
  turn: Pick<OpenTurn, "turnId" | "continues">,
  because: Continues["because"],
  at: string,
  open: ReadonlyArray<OpenRequest> = []
): Continues => ({
  turnId: turn.turnId,
  because,
  restarts: (turn.continues?.restarts ?? 0) + (because === "restart" ? 1 : 0),
  waits: (turn.continues?.waits ?? 0) + (because === "limit" ? 1 : 0),
  since: turn.continues?.since ?? at,
  ...(open.length === 0
    ? {}
    : { requests: open.slice(0, maxRequests).map(({ requestId, ask }) => ({ requestId, words: wordsOf(ask) })) })
})

/** Without what only a plan has. */
export const begun = ({ at: _a, requestId: _r, ...continues }: Continuation): Continues => continues

/** Milliseconds since 1970 as ISO 8601. */
export const iso = (millis: number): string => new Date(millis).toISOString()

/** The wait for a limit, or the words why there is none. `at`: now, ISO 8601. */
export const waitFor = (
  turn: Pick<OpenTurn, "turnId" | "continues">,
  error: Failure,
  at: string,
  policy: Policy
): Either.Either<Continues & { readonly at: string }, string> => {
  const continues = next(turn, "limit", at)
  const now = Date.parse(at)
  if (continues.waits > policy.maxWaits) return Either.left(`not continued: it waited ${policy.maxWaits} times already`)
  const told = error.resetAt === undefined ? Number.NaN : Date.parse(error.resetAt)
  const due = Math.max(now + leastWait, Number.isNaN(told) ? now + policy.fallback : told)
  return due - Date.parse(continues.since) > policy.maxTotal
    ? Either.left("not continued: the limit ends later than this server waits")
    : Either.right({ ...continues, at: iso(due) })
}

/** The request of the turn before that asked the same. */
export const reasked = (turn: OpenTurn, ask: Ask): { readonly reasks?: OpenRequest["requestId"] } => {
  const before = turn.continues?.requests
  if (before === undefined) return {}
  const words = wordsOf(ask)
  const same = before.find((one) => one.words === words)
  return same === undefined ? {} : { reasks: same.requestId }
}

/** The words of the question, and the answer that goes on; any other of its choices does not. */
export const goOn = "continue"
export const leave = "leave"
const question = "The server stopped while this turn ran. Continue?"
/** The question under `recovery: ask`, as the request has it. */
export const asked = {
  kind: "question",
  title: question,
  questions: [
    {
      id: goOn,
      text: question,
      options: [
        { label: goOn, description: "A new turn goes on with the work." },
        { label: leave, description: "What is done stays; the queue goes on." }
      ]
    }
  ]
} as const satisfies Ask

/** Whether an answer is one of the choices; a decision takes the question back. */
export const isAnswer = ({ answers }: { readonly answers?: Answers | undefined }): boolean => {
  const given = answers?.[goOn]
  return answers === undefined || (given?.length === 1 && (given[0] === goOn || given[0] === leave))
}
