/** A whole server with an agent that a test controls: it sends half of an answer, and the rest when released. */
import * as Client from "@millrace/client/Client"
import { type StreamName, ThreadId, threadStream } from "@millrace/contracts/Ids"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Deferred, Effect, Layer, Context, Stream } from "effect"
import * as Hosted from "../support/Hosted.ts"

export interface Talk {
  readonly threadId: ThreadId
  readonly stream: StreamName
  /** Sends the other half, and completes the turn. */
  readonly release: Effect.Effect<void>
}

export class World extends Context.Tag("@millrace/server/test/World")<
  World,
  Hosted.Hosted & {
    /** Begins a thread whose turn runs. Returns when half of the answer is in the log. */
    readonly halfway: Effect.Effect<Talk>
    /** Begins a thread whose turn sends this many messages. Returns when the turn is accepted. */
    readonly flood: (messages: number) => Effect.Effect<Talk>
    /** Begins a thread whose turn waits for a person. */
    readonly asking: Effect.Effect<Talk>
    readonly remove: (talk: Talk) => Effect.Effect<void>
    /** Returns when the end of the talk's turn is in the log. */
    readonly over: (talk: Talk) => Effect.Effect<void>
  }
>() {}

/** Texts that are longer than the coalescer's buffer, so that each is a separate delta. They contain characters of several bytes. */
const half = ["Grüße aus dem Mühlbach 水車 🛶 ", 'say "this"\n\ndata: and that\nid: 7 '].map((text) => text.repeat(300))

export const make = Effect.gen(function* () {
  const gates = new Map<string, Deferred.Deferred<void>>()
  const gate = (text: string) => Effect.flatMap(Effect.fromNullable(gates.get(text)), Deferred.await).pipe(Effect.orDie)
  const agent = ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        const [what = "", count = "0"] = turn.text.split(" ")
        yield* turn.start
        if (what === "flood") {
          for (let n = 0; n < Number(count); n++) yield* turn.say(`message ${n}`)
        } else if (what === "ask") {
          yield* turn.ask({ kind: "approval", title: "May I?", choices: ["accept", "decline"] })
        } else {
          const item = { turnId: turn.turnId, itemId: yield* turn.newItem, kind: "agent-message" }
          yield* turn.emit({ _tag: "ItemStarted", ...item, content: {} })
          for (const text of half) yield* turn.emit({ _tag: "ItemDelta", ...item, text })
          yield* gate(turn.text)
          for (const text of half) yield* turn.emit({ _tag: "ItemDelta", ...item, text })
          const text = [...half, ...half].join("")
          yield* turn.emit({ _tag: "ItemCompleted", ...item, status: "completed", content: { text } })
        }
        yield* turn.complete
      })
  })
  const hosted = yield* Hosted.start(undefined, [agent.adapter])
  const { dataDir, host } = hosted

  const begin = (text: string) =>
    Effect.gen(function* () {
      const released = yield* Deferred.make<void>()
      gates.set(text, released)
      const command = yield* Client.command("thread.create", { provider: "scripted", cwd: dataDir, turn: { text } })
      const threadId = ThreadId.make((yield* host.dispatch(command)).threadId ?? "")
      return { threadId, stream: threadStream(threadId), release: Effect.asVoid(Deferred.succeed(released, undefined)) }
    }).pipe(Effect.orDie)
  /** Returns when the talk's stream has this many events of this type. */
  const until = (talk: Talk, type: string, count = 1) =>
    host.follow({ stream: talk.stream }).pipe(
      Stream.filter((frame) => frame._tag === "event" && frame.event.type === type),
      Stream.take(count),
      Stream.runDrain,
      Effect.orDie
    )
  let names = 0
  return World.of({
    ...hosted,
    halfway: Effect.suspend(() => Effect.tap(begin(`half ${++names}`), (talk) => until(talk, "item.delta", half.length))),
    flood: (messages) => begin(`flood ${messages} ${++names}`),
    asking: Effect.suspend(() => Effect.tap(begin(`ask ${++names}`), (talk) => until(talk, "request.opened"))),
    remove: ({ threadId }) =>
      Effect.flatMap(Client.command("thread.delete", { threadId }), host.dispatch).pipe(Effect.orDie, Effect.asVoid),
    over: (talk) => until(talk, "turn.completed")
  })
})

export const layer = Layer.scoped(World, make)
