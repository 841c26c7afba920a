/** Finds out why a WebSocket was refused: a browser does not reveal the status of a refused handshake. */
import { Ready } from "@millrace/contracts/Ready"
import { Effect, Option, Schema } from "effect"
import type { Connection } from "./Wire.ts"

/** `not-ready`: the server is starting or unavailable. */
export type Found =
  | Extract<Connection, { readonly state: "draining" | "unpaired" }>
  | { readonly state: "not-ready"; readonly reason: string }

const get = (fetch: typeof globalThis.fetch, url: string) =>
  Effect.tryPromise(async (signal) => {
    const response = await fetch(url, { signal })
    return { status: response.status, text: response.status === 503 ? await response.text() : "" }
  })

const decode = Schema.decodeOption(Schema.parseJson(Ready))

const foundIn = ({ reason, status }: Ready): Found | undefined => {
  switch (status) {
    case "draining":
      return { state: "draining", message: "The server is shutting down and accepts no new connections." }
    case "starting":
      return { state: "not-ready", reason: "The server is starting. The page resumes when it is ready." }
    case "unavailable":
      return { state: "not-ready", reason: `The server is unavailable. ${reason ?? "The page resumes when it is available."}` }
    default:
      return undefined
  }
}

/** `undefined` when no case applies or the server does not answer within 5 seconds. */
export const probe = (
  origin: string,
  fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)
): Effect.Effect<Found | undefined> =>
  Effect.gen(function* () {
    // The body of a 503 that a proxy sends does not decode.
    const health = Option.flatMapNullable(decode((yield* get(fetch, `${origin}/health`)).text), foundIn)
    if (Option.isSome(health)) return health.value
    return (yield* get(fetch, `${origin}/api/threads?limit=1`)).status === 401 ? { state: "unpaired" as const } : undefined
  }).pipe(
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => undefined)
  )
