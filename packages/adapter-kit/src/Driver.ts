/**
 * The description of an agent for the kit: how to open the agent so that it plays a scene. A scene is a behaviour that every agent can have. A recording of
 * the real program with one fault (player.mjs), a scripted agent, or an endpoint plays it.
 */
import type { OpenInput, ProviderError, ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { Ledger } from "@millrace/providers/process/Ledger"
import type { Effect, Scope } from "effect"

/** In each scene a turn has one message in at least two deltas and completes, unless the text says otherwise. */
export const scenes = {
  talk: "two turns",
  stream: "the first turn streams until it is interrupted, the second completes",
  approve: "the turn asks for an approval, and completes after any answer",
  question: "the turn asks a question, and completes",
  waiting: "the turn asks for an approval, and is interrupted while the request is open",
  exit: "the agent's process exits with code 0 after the first text",
  garbage: "malformed lines after the first text",
  oversize: "a line over the limit after the first text",
  burst: "20,000 deltas as fast as it can",
  twice: "two turns; every message is sent twice",
  news: "messages, item types, values and a request of a newer version after the first text; continues when the request is answered",
  killed: "two turns; the second streams until its process is killed. The session of epoch 2 continues that conversation",
  lost: "a resume of a conversation that the agent does not have"
} as const
export type Scene = keyof typeof scenes

export interface Driver {
  /** The kind of the adapter. */
  readonly name: string
  /** Opens a session whose agent plays the scene. `epoch` 2: a second process that continues the conversation. */
  readonly open: (scene: Scene, input: OpenInput) => Effect.Effect<ProviderSession, ProviderError, Scope.Scope | Ledger>
  /** The text of the nth turn, 1 or 2; default "go on". */
  readonly prompt?: (scene: Scene, nth: number) => string
  /** Scenes that the agent cannot play, each with the reason and, if there is one, the test that holds the promise. */
  readonly cannot: Readonly<Partial<Record<Scene | "process", string>>>
}
