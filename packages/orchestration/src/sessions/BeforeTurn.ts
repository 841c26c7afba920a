/** The server's action before an agent gets a turn, for example to store the present files. The host provides it. Default: no action. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Context, Effect } from "effect"

export interface Turn {
  readonly threadId: ThreadId
  readonly turnId: TurnId
  /** Epoch of the session that gets the turn. */
  readonly epoch: number
  /** The session's directory. */
  readonly cwd: string
}

/** The turn waits for the effect, so the effect must return soon. It cannot fail. */
export class BeforeTurn extends Context.Reference<BeforeTurn>()("@millrace/orchestration/BeforeTurn", {
  defaultValue:
    () =>
    (_turn: Turn): Effect.Effect<void> =>
      Effect.void
}) {}
