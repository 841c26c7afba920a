/** Sends a further message of a running turn, so that the message is neither lost nor sent twice (T12). */
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"

export interface Calls {
  /** Writes the message to Claude. `outcome: unknown`: Claude may still get the message. */
  readonly say: Effect.Effect<void, ProviderError>
  /** Asks Claude to drop the message. Returns `false` if Claude has taken the message. Claude reads in order, so it answers after it has read the message. */
  readonly cancel: Effect.Effect<boolean, ProviderError>
  /** Removes the message from the turn. */
  readonly forget: Effect.Effect<void>
}

/** Fails with `failed` if Claude does not have the message and will not get it. Fails with `unknown` if Claude does not answer. */
export const send = ({ cancel, forget, say }: Calls): Effect.Effect<void, ProviderError> =>
  Effect.catchAll(say, (error) =>
    (error.outcome === "failed" ? Effect.succeed(true) : cancel).pipe(
      Effect.mapError(() => error),
      Effect.flatMap((dropped) => {
        if (!dropped) return Effect.void
        const { failure, operation, provider } = error
        return Effect.zipRight(forget, new ProviderError({ provider, operation, outcome: "failed", failure }))
      })
    )
  )
