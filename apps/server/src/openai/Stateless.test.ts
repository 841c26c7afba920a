/** Calls that cannot be continued leave no session and no process. A whole server, with a real agent process for each call. */
import { expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"
import * as AgentProcesses from "../AgentProcesses.ts"

it.live(
  "R7 twelve stateless calls over both routes leave no session and no agent process, whatever the outcome of their turns",
  () =>
    Effect.gen(function* () {
      const { dataDir, host, token, url } = yield* Hosted.start()
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      const post = (path: string, body: object) =>
        send(`${url}${path}`, { headers, body: JSON.stringify({ model: "demo", ...body }) })
      const chat = (content: string, more: object = {}) =>
        post("/v1/chat/completions", { messages: [{ role: "user", content }], ...more })
      const calls = [
        ...Array.from({ length: 4 }, (_, n) => chat(`[[say ${n}]]`)),
        ...Array.from({ length: 3 }, (_, n) => chat(`[[say ${n}]]`, { stream: true })),
        ...Array.from({ length: 3 }, (_, n) => post("/v1/responses", { store: false, input: `[[say ${n}]]` })),
        chat("[[fail no]]"),
        chat("[[exit 3]]")
      ]
      const answers = yield* Effect.all(calls, { concurrency: 4 })
      expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 400, 400])
      // Each session ends after its turn, and its end is an event.
      const stopped = yield* host.follow({ types: ["session.stopped"] }).pipe(
        Stream.filter((frame) => frame._tag === "event"),
        Stream.take(calls.length),
        Stream.runCount
      )
      expect(stopped).toBe(calls.length)
      expect((yield* host.stats).sessions).toEqual([])
      expect((yield* AgentProcesses.list(dataDir)).filter(({ alive }) => alive)).toEqual([])
      // The other kind can be continued: its agent waits for that.
      expect((yield* post("/v1/responses", { input: "[[say kept]]" })).status).toBe(200)
      expect((yield* host.stats).sessions).toHaveLength(1)
    }).pipe(Effect.scoped)
)
