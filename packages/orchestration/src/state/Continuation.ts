/**
 * Continuations: a new turn continues the work of a turn that was cut off by the server's death or by a usage limit (docs/decisions/0026). This module
 * computes how often, when, and with which prompt. Pure; `decideContinuation` decides.
 */
import type { Answers, Ask, Failure } from "@millrace/contracts/Item"
import type { Continuation, Continues, RecoveryPolicy, TurnAction } from "@millrace/contracts/State"
import { Duration, Either } from "effect"
import { cutText } from "./Truncation.ts"
import type { OpenTurn } from "./ThreadState.ts"

/** When and how often work is continued automatically. */
export interface Policy {
  /** For threads without a recovery policy. */
  readonly recovery: RecoveryPolicy
  /** Maximum restarts in a row, for a turn that crashes its server each time. */
  readonly maxRestarts: number
  /** Maximum waits for a usage limit in a row. */
  readonly maxWaits: number
  /** Maximum milliseconds from the first interruption of a series to the end of its last wait. */
  readonly maxTotal: number
  /** Milliseconds to wait for a limit whose end is unknown. */
  readonly fallback: number
  /** Milliseconds after which the question whether to continue expires. */
  readonly asking: number
}

export interface Options {
  /** What happens to a running turn when the server dies, in threads without a policy. Default `settle`. */
  readonly recovery?: RecoveryPolicy
  /** Maximum restarts in a row. Default 3. */
  readonly maxRestarts?: number
  /** Maximum waits for a usage limit in a row. Default 5. */
  readonly maxWaits?: number
  /** Longest time from the first interruption of a row to the end of the last wait. Default 24 hours. */
  readonly maxTotal?: Duration.DurationInput
  /** The wait for a limit whose end is unknown. Default 15 minutes. */
  readonly fallback?: Duration.DurationInput
  /** How long the question whether to continue stays open. Default 7 days. */
  readonly asking?: Duration.DurationInput
}

const minute = 60_000
const day = 24 * 60 * minute

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

/** Shortest wait, even if the agent reports an earlier end of the limit. */
const leastWait = minute
/** Maximum encoded bytes of the original prompt that are repeated; the agent's own history may hold all of it. */
const promptBytes = 32 * 1024
const heading = "The request was:\n\n"

const prefaces: Record<Exclude<Continues["because"], "sign-in">, string> = {
  restart:
    "The server that ran you stopped while you worked on a request, and which of your last steps took effect is not known. Look at the state of the work first, then go on and finish it.",
  limit: "A usage limit ended your last turn before its work was done. Go on with it and finish it."
}

/**
 * The prompt of the new turn. It repeats the request, because the agent may have lost it. After a sign-in, and for a turn with an action, it is the text of
 * the turn.
 */
export const textOf = (
  because: Continues["because"],
  turn: { readonly text: string; readonly origin: string; readonly action?: TurnAction | undefined }
): string => {
  if (turn.action !== undefined || because === "sign-in") return turn.text
  const at = turn.origin === "continuation" ? turn.text.indexOf(heading) : -1
  const request = at < 0 ? (turn.origin === "continuation" ? "" : turn.text) : turn.text.slice(at + heading.length)
  return request === "" ? prefaces[because] : `${prefaces[because]}\n\n${heading}${cutText(request, promptBytes)}`
}

/** The `continues` field of the turn that continues `turn`. */
export const next = (turn: Pick<OpenTurn, "turnId" | "continues">, because: Continues["because"], at: string): Continues => ({
  turnId: turn.turnId,
  because,
  restarts: (turn.continues?.restarts ?? 0) + (because === "restart" ? 1 : 0),
  waits: (turn.continues?.waits ?? 0) + (because === "limit" ? 1 : 0),
  since: turn.continues?.since ?? at
})

/** Strips the fields that exist only while a continuation is scheduled. */
export const begun = ({ at: _a, nextTurnId: _n, requestId: _r, ...continues }: Continuation): Continues => continues

/** Milliseconds since 1970 as ISO 8601. */
export const iso = (millis: number): string => new Date(millis).toISOString()

/** The wait for a usage limit to end, or the reason why there is none. `at`: now, ISO 8601. */
export const waitFor = (
  turn: Pick<OpenTurn, "turnId" | "continues">,
  error: Failure,
  at: string,
  policy: Policy
): Either.Either<Continues & { readonly at: string }, string> => {
  const continues = next(turn, "limit", at)
  const now = Date.parse(at)
  if (continues.waits > policy.maxWaits) return Either.left(`not continued: it waited ${policy.maxWaits} times already`)
  const resetAt = error.resetAt === undefined ? Number.NaN : Date.parse(error.resetAt)
  const due = Math.max(now + leastWait, Number.isNaN(resetAt) ? now + policy.fallback : resetAt)
  return due - Date.parse(continues.since) > policy.maxTotal
    ? Either.left("not continued: the limit ends later than this server waits")
    : Either.right({ ...continues, at: iso(due) })
}

/** The id of the question in `recoveryQuestion`, and also the choice that continues the work. `leave` is the other choice. */
export const continueChoice = "continue"
export const leave = "leave"
const question = "The server stopped while this turn ran. Continue?"
/** The request that `recovery: ask` opens. */
export const recoveryQuestion = {
  kind: "question",
  title: question,
  questions: [
    {
      id: continueChoice,
      text: question,
      options: [
        { label: continueChoice, description: "A new turn continues the work." },
        { label: leave, description: "The work stays as it is; the queue continues." }
      ]
    }
  ]
} as const satisfies Ask

/** Whether the answer is one of the choices. A decision is accepted too: it declines the question. */
export const isAnswer = ({ answers }: { readonly answers?: Answers | undefined }): boolean => {
  const given = answers?.[continueChoice]
  return answers === undefined || (given?.length === 1 && (given[0] === continueChoice || given[0] === leave))
}
