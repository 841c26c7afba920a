/** Runs a tab's call on the client. Failures are values, because a thrown error does not survive a `MessagePort`. */
import { defined } from "@millrace/contracts/Defined"
import { command, type Client } from "@millrace/client/Client"
import { format } from "@millrace/contracts/Cursor"
import { Cause, Chunk, Effect, Stream } from "effect"
import type { Call, Failed } from "./Wire.ts"

type Result = { readonly tag: "answer"; readonly value: unknown } | { readonly tag: "refusal"; readonly failed: Failed }

const run = (
  client: Client,
  epoch: string | undefined,
  call: Call
): Effect.Effect<unknown, { readonly _tag: string; readonly message: string }> => {
  switch (call.name) {
    case "dispatch":
      return Effect.flatMap(
        command(call.type, call.body, call.commandId === undefined ? undefined : Effect.succeed(call.commandId)),
        client.dispatch
      )
    case "thread":
      return client.thread(call.threadId)
    case "threads":
      return client.threads(call.page)
    case "items":
      return client.items(call.threadId, call.page)
    case "turns":
      return client.turns(call.threadId, call.page)
    case "providers":
      return client.providers
    case "events":
      // A page of the log is a subscription that ends when the page is full or `caught-up` arrives.
      return client
        .follow({
          ...(epoch !== undefined && { after: format(epoch, call.since) }),
          ...defined({ stream: call.stream })
        })
        .pipe(
          Stream.takeWhile((frame) => frame._tag === "event"),
          Stream.take(call.limit),
          Stream.runCollect,
          Effect.map((frames) => Chunk.toReadonlyArray(frames).flatMap((frame) => (frame._tag === "event" ? [frame.event] : [])))
        )
  }
}

export const answer = (client: Client, epoch: () => string | undefined, call: Call): Effect.Effect<Result> =>
  Effect.suspend(() => run(client, epoch(), call)).pipe(
    Effect.map((value): Result => ({ tag: "answer", value })),
    Effect.catchAllCause((cause) => {
      const error = Cause.squash(cause)
      const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Defect"
      const rule = typeof error === "object" && error !== null && "rule" in error ? { rule: String(error.rule) } : {}
      const message = error instanceof Error ? error.message : String(error)
      return Effect.succeed<Result>({ tag: "refusal", failed: { tag, message, ...rule } })
    })
  )
