import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { LogEvent } from "@millrace/contracts/Event"
import { Effect } from "effect"
import * as Tokens from "../src/auth/Tokens.ts"
import { start } from "./support/Hosted.ts"

it.scopedLive("X6 each event of a command names its actor; events of agents name none", () =>
  Effect.gen(function* () {
    const { dataDir, token, url } = yield* start()
    const { token: hers } = yield* Tokens.create(dataDir, { name: "anna" })
    const anna = Client.make(HttpTransport.make({ url, token: hers }))
    const { threadId } = yield* anna.dispatch(
      yield* Client.command("thread.create", { provider: "demo", cwd: dataDir, turn: { text: "[[run true]]" } })
    )
    const asked = yield* Effect.promise(async () => {
      for (let since = 0; ;) {
        const response = await fetch(`${url}/api/events?since=${since}&wait=10`, {
          headers: { authorization: `Bearer ${token}` }
        })
        const events = (await response.json()) as ReadonlyArray<LogEvent>
        since = Number(response.headers.get("x-millrace-last-idx"))
        const opened = events.find(({ type }) => type === "request.opened")
        if (opened !== undefined) return opened
      }
    })
    const { requestId } = asked.data as { readonly requestId: string }
    yield* Effect.promise(() =>
      fetch(`${url}/api/requests/${requestId}/answer`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ decision: "accept" })
      })
    )
    const events = yield* Effect.promise(async () => {
      const response = await fetch(`${url}/api/events`, { headers: { authorization: `Bearer ${token}` } })
      return (await response.json()) as ReadonlyArray<LogEvent>
    })
    const actors = Object.fromEntries(events.map(({ type, actor }) => [type, actor]))
    expect(threadId).toBeDefined()
    expect(actors).toMatchObject({ "thread.created": "anna", "turn.requested": "anna", "request.answered": "test" })
    expect(actors["request.opened"]).toBeUndefined()
    expect(actors["session.state.changed"]).toBeUndefined()
  })
)
