/** Sends a further message of a running turn, so that it is neither lost nor given twice (T12). */
import { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"

export interface Calls {
  /** Writes the message to Claude. `outcome: unknown`: it may be on its way. */
  readonly say: Effect.Effect<void, ProviderError>
  /** Asks Claude to drop the message. `false`: Claude has taken it. Claude reads in order, so its answer comes after the message. */
  readonly cancel: Effect.Effect<boolean, ProviderError>
  /** The message is not part of the turn any more. */
  readonly forget: Effect.Effect<void>
}

/** Fails with `failed` if Claude does not have the message and will not get it, with `unknown` if Claude does not answer. */
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
