/** Why a WebSocket was refused: a browser shows no status of a refused handshake. */
import { Effect } from "effect"
import type { Connection } from "./Wire.ts"

const statusOf = (fetch: typeof globalThis.fetch, url: string) =>
  Effect.map(
    Effect.tryPromise((signal) => fetch(url, { signal })),
    ({ status }) => status
  )

/** What the server says of this browser. Undefined: nothing, or no answer within 5 seconds; the next connection waits no longer. */
export const probe = (
  origin: string,
  fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)
): Effect.Effect<Connection | undefined> =>
  Effect.gen(function* () {
    if ((yield* statusOf(fetch, `${origin}/health`)) === 503)
      return { state: "draining" as const, message: "The server is shutting down; it takes nothing new." }
    return (yield* statusOf(fetch, `${origin}/api/threads?limit=1`)) === 401 ? { state: "unpaired" as const } : undefined
  }).pipe(
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => undefined)
  )
