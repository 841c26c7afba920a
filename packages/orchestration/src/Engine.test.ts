import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Kit from "@millrace/testing/Orchestration"
import * as Views from "./Views.ts"

it.effect("C5 a thread with its first turn is one command, and the turn runs to its end", () =>
  Effect.gen(function* () {
    const accepted = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
    yield* Kit.eventually(Kit.ofType("turn.completed"))
    yield* Kit.eventually(
      (event) => event.type === "session.state.changed" && (event.data as { status: string }).status === "ready"
    )
    const events = yield* Kit.history
    expect(Kit.types(events)).toEqual([
      "project.created",
      "thread.created",
      "turn.requested",
      "session.started",
      "turn.dispatched",
      "item.started",
      "item.completed",
      "session.state.changed",
      "turn.started",
      "item.started",
      "item.delta",
      "item.completed",
      "turn.completed",
      "session.state.changed"
    ])
    const views = yield* Views.Views
    const thread = yield* views.thread(accepted.threadId!)
    expect(thread.status).toBe("idle")
    const items = yield* views.items(accepted.threadId!, {})
    expect(items.items.map((item) => item.text)).toEqual(["you said: hello", "hello"])
  }).pipe(Effect.provide(Kit.layer()))
)
