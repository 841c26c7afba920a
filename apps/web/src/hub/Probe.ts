/** Finds out why a WebSocket was refused: a browser does not reveal the status of a refused handshake. */
import { Effect } from "effect"
import type { Connection } from "./Wire.ts"

const statusOf = (fetch: typeof globalThis.fetch, url: string) =>
  Effect.map(
    Effect.tryPromise((signal) => fetch(url, { signal })),
    ({ status }) => status
  )

/** `draining`, `unpaired`, or `undefined` when neither applies or the server does not answer within 5 seconds. */
export const probe = (
  origin: string,
  fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)
): Effect.Effect<Connection | undefined> =>
  Effect.gen(function* () {
    if ((yield* statusOf(fetch, `${origin}/health`)) === 503)
      return { state: "draining" as const, message: "The server is shutting down and accepts no new connections." }
    return (yield* statusOf(fetch, `${origin}/api/threads?limit=1`)) === 401 ? { state: "unpaired" as const } : undefined
  }).pipe(
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => undefined)
  )
