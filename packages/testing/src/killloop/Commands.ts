/** Commands with ids chosen before sending, their answers, and what a client learns from the next server about unanswered ones. */
import type { LogEvent } from "@millrace/contracts/Event"
import { Effect } from "effect"

export interface Sent {
  /** Kind of work. */
  readonly kind: string
  readonly commandId: string
  readonly type: string
  readonly body: string
  /** `undefined`: the connection broke, or no server was listening. */
  answer: Answer | undefined
}

export interface Answer {
  readonly status: number
  readonly offset?: number
  readonly threadId?: string
  readonly turnId?: string
  readonly replayed?: boolean
  /** The kind of a refusal. */
  readonly _tag?: string
}

export interface Address {
  readonly url: string
  readonly token: string
}

const call = ({ token, url }: Address, path: string, body?: string): Effect.Effect<Answer | undefined> =>
  Effect.tryPromise(async (signal) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    const response = await fetch(`${url}${path}`, { headers, signal, ...(body === undefined ? {} : { method: "POST", body }) })
    const answer = (await response.json()) as object
    return { ...answer, status: response.status }
  }).pipe(Effect.orElseSucceed(() => undefined))

export const make = (kind: string, commandId: string, type: string, fields: object): Sent => ({
  kind,
  commandId,
  type,
  body: JSON.stringify({ commandId, type, ...fields }),
  answer: undefined
})

export const send = (address: Address, sent: Sent): Effect.Effect<Answer | undefined> =>
  Effect.tap(call(address, "/api/commands", sent.body), (answer) => {
    sent.answer = answer
  })

/**
 * Asks the next server about an unanswered command: it is accepted, rejected or unknown. Sent again, it gets the same answer, or runs now.
 * Returns one sentence per violation.
 */
export const settle = (address: Address, sent: Sent): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const status = yield* call(address, `/api/commands/${sent.commandId}`)
    const again = yield* send(address, sent)
    // The next server died too: the command stays unanswered.
    if (status === undefined || again === undefined) return []
    const outcome = (status as { readonly status: unknown }).status
    const wrong = (what: string) => [
      `command ${sent.commandId}: ${what}: ${JSON.stringify(status)}, again ${JSON.stringify(again)}`
    ]
    if (outcome === 404) return again.replayed === true ? wrong("unknown, and then replayed") : []
    if (status.offset !== undefined && again._tag === "ShuttingDown") {
      // This server has begun to shut down. It refuses every command until its end, so the command stays unanswered.
      sent.answer = undefined
      return []
    }
    if (status.offset === undefined) return again.status === 200 ? wrong("refused, and then accepted") : []
    return again.replayed === true && again.offset === status.offset ? [] : wrong("accepted, and then not the same answer")
  })

/** Compares commands with the log at rest: each accepted command is in it, once (C1, C2). */
export const check = (sent: ReadonlyArray<Sent>, events: ReadonlyArray<LogEvent>): ReadonlyArray<string> => {
  /** Commands that start a turn. */
  const turns = new Map<string, number>()
  const known = new Set<string>()
  for (const { commandId, type } of events) {
    if (commandId === undefined) continue
    known.add(commandId)
    if (type === "turn.requested") turns.set(commandId, (turns.get(commandId) ?? 0) + 1)
  }
  return sent.flatMap(({ answer, commandId, type }) => {
    const times = turns.get(commandId) ?? 0
    if (times > 1) return [`${type} ${commandId} ran ${times} times`]
    if (answer?.status !== 200) return known.has(commandId) && answer !== undefined ? [`${commandId} was refused, and ran`] : []
    if ((answer.offset ?? 0) > events.length)
      return [`${commandId} was accepted at ${answer.offset}, but the head is ${events.length}`]
    return times === 1 || (type !== "turn.start" && type !== "thread.create")
      ? []
      : [`${type} ${commandId} was accepted and is not in the log`]
  })
}
