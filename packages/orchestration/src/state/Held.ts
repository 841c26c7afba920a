/**
 * Held requests: a request that was open when its server died stays open for the turn that continues the work, and an answer to it is kept until the
 * agent asks again (T13). Pure; `decideHeld` decides.
 */
import { createHash } from "node:crypto"
import type { RequestId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, Ask, RequestView } from "@millrace/contracts/Item"
import type { ThreadState } from "./ThreadState.ts"

/** A thread keeps at most this many open requests and kept answers, together, over a restart. Further requests expire. */
export const maxHeld = 20

/** The answer to a request that was held, until the agent asks again. */
export interface KeptAnswer {
  readonly requestId: RequestId
  /** The turn that continues the work. */
  readonly turnId: TurnId
  /** The digest of the request (`digestOf`). Read models store the field under this name. */
  readonly words: string
  readonly answer: Answer
  /** The answer has a secret: its value is only in the memory of this server. */
  readonly secret?: true
}

/** SHA-1 of a request's content, without its item id and its request id. If two digests are equal, the requests are the same and an answer to one fits the other. */
export const digestOf = (ask: Ask): string =>
  createHash("sha1")
    .update(
      JSON.stringify(
        ask.kind === "approval"
          ? [ask.title, ask.command, ask.cwd, ask.changes, ask.choices, ask.options]
          : ask.kind === "sign-in"
            ? [ask.title, ask.instructions]
            : [ask.title, ask.questions.map(({ id, text, options, multiple, secret }) => [id, text, options, multiple, secret])]
      )
    )
    .digest("base64")

/** The kept answer to a request that was held. */
export const keptAnswer = ({ ask, requestId, turnId }: RequestView, answer: Answer): KeptAnswer => ({
  requestId,
  turnId,
  words: digestOf(ask),
  answer,
  ...(ask.kind === "question" && ask.questions.some(({ secret }) => secret === true) ? { secret: true } : {})
})

/** Finds the kept answer or the held request that this request repeats. A kept answer takes precedence. */
export const repeated = (
  { kept, requests }: Pick<ThreadState, "kept" | "requests">,
  turnId: TurnId,
  ask: Ask
): { readonly requestId: RequestId; readonly answer?: Answer } | undefined => {
  const held = Object.values(requests).filter((one) => one.held === true && one.turnId === turnId)
  if (held.length === 0 && kept.length === 0) return undefined
  const digest = digestOf(ask)
  return kept.find((one) => one.turnId === turnId && one.words === digest) ?? held.find((one) => digestOf(one.ask) === digest)
}

/** Finds the request that the agent calls `agentId`. Clients may know it by an older id. */
export const requestOf = ({ requests }: Pick<ThreadState, "requests">, agentId: RequestId): RequestView | undefined =>
  requests[agentId] ?? Object.values(requests).find(({ repeatedAs }) => repeatedAs === agentId)
