/** The RPC group over the service: the same calls, errors and frames as HTTP (D9). */
import { Rpc } from "@effect/rpc"
import { Chunk, Effect, Option, Stream } from "effect"
import { format } from "@millrace/contracts/Cursor"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { WireFrame } from "@millrace/contracts/Frame"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { EventLog } from "@millrace/log/EventLog"
import { Session } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import { Drain } from "../http/Drain.ts"
import { resolveFrom } from "../http/Events.ts"
import * as Follow from "../http/Follow.ts"
import * as Allowance from "../http/Allowance.ts"
import * as Followers from "../http/Followers.ts"
import type { Wake } from "../http/Wake.ts"
import * as Commands from "../Commands.ts"
import { Service } from "../Service.ts"
import * as Calls from "./Calls.ts"

/** Frames in one message: the client acknowledges each, so this is the throughput. */
const framesPerMessage = 256

const frames = (epoch: string, step: Follow.Step): Chunk.Chunk<WireFrame> => {
  switch (step._tag) {
    case "block":
      throw new Error("A follower over RPC was given the encoded pages of SSE.")
    case "page":
      return Chunk.unsafeFromArray(
        step.page.events.map((event) => ({
          _tag: "event",
          cursor: format(epoch, event.offset),
          event: JSON.parse(event.json) as LogEvent
        }))
      )
    case "open":
      return Chunk.of({ _tag: "open", logEpoch: epoch, head: step.head })
    case "signals":
      return Chunk.unsafeFromArray(step.signals.map((signal) => ({ _tag: "signal", signal })))
    case "bye":
      return Chunk.of({ ...step, resumeAfter: format(epoch, step.resumeAfter) })
    default:
      return Chunk.of(step)
  }
}

/** Streams of one connection at a time; a follower holds a position and a page (D7, X5). */
const maxStreams = 256
const crowded = new StorageUnavailable({
  message: `This connection follows ${maxStreams} streams already, or its token as many as limits.streamsPerToken allows. End some of them.`,
  retryAfterMillis: 1000
})

/** The session of the upgrade request: RPC fibers inherit its context, which their types do not say. Without one nobody may ask (X1). */
const session = Effect.flatMap(
  Effect.serviceOption(Session),
  Option.match({ onNone: () => Effect.dieMessage("an RPC call without a session"), onSome: Effect.succeed })
)

const page = (request: { readonly before?: number | undefined; readonly limit?: number | undefined }) => ({
  ...(request.before !== undefined && { before: Math.max(1, request.before) }),
  ...(request.limit !== undefined && { limit: Math.max(1, request.limit) })
})

export const layer = MillraceRpcs.toLayer(
  Effect.gen(function* () {
    const service = yield* Service
    const log = yield* EventLog
    const drain = yield* Drain
    const followers = yield* Followers.Registry
    const allowance = yield* Allowance.Current
    const context = yield* Effect.context<EventLog | Wake | Tokens>()
    // Each upgrade has a session of its own, also when its token is the same.
    const streams = new WeakMap<Session["Type"], number>()
    const count = (own: Session["Type"], change: 1 | -1) =>
      Effect.sync(() => {
        const now = (streams.get(own) ?? 0) + change
        streams.set(own, now)
        return now
      })
    const ofConnection = Calls.make()
    /** One call: in its turn among those of its connection, and awaited by the drain. */
    const answer = <A, E, R>(call: (own: Session["Type"]) => Effect.Effect<A, E, R>) =>
      drain.track(Effect.flatMap(session, (own) => ofConnection(own)(call(own))))
    return {
      // A client that leaves does not take its command with it (D11).
      dispatch: ({ command }) => Rpc.uninterruptible(answer(({ actor }) => service.dispatch(Commands.complete(command), actor))),
      commandStatus: ({ commandId }) => answer(() => service.commandStatus(commandId)),
      state: () => answer(() => service.state),
      threads: (request) =>
        answer(() =>
          service.threads({
            ...page(request),
            ...(request.archived !== undefined && { archived: request.archived }),
            ...(request.search !== undefined && { search: request.search })
          })
        ),
      thread: ({ threadId }) => answer(() => service.thread(threadId)),
      items: ({ threadId, ...request }) => answer(() => service.items(threadId, page(request))),
      turns: ({ threadId, ...request }) => answer(() => service.turns(threadId, page(request))),
      requests: () => answer(() => service.requests),
      providers: () => answer(() => service.providers),
      follow: ({ stream, after }) =>
        Stream.unwrapScoped(
          Effect.gen(function* () {
            yield* Effect.acquireRelease(drain.enter, () => drain.leave)
            const own = yield* session
            const open = yield* Effect.acquireRelease(count(own, 1), () => count(own, -1))
            // A failure, not a frame: frames wait for the client's acknowledgement, and this one may never read.
            if (open > maxStreams || allowance.crowded(followers, own.actor)) return yield* crowded
            const from = yield* resolveFrom(after === undefined ? "start" : { cursor: after })
            const reader = Followers.reader("rpc", own.actor, from)
            yield* Effect.acquireRelease(
              Effect.sync(() => followers.enter(reader)),
              () => Effect.sync(() => followers.leave(reader))
            )
            const steps = Follow.steps({
              after: from,
              reader,
              session: own,
              limit: framesPerMessage,
              ...(stream !== undefined && { stream })
            })
            return Stream.mapConcatChunk(steps, (step) => {
              if (step._tag === "page") for (const { json } of step.page.events) reader.bytes += json.length
              return frames(log.epoch, step)
            })
          })
        ).pipe(Stream.provideContext(context))
    }
  })
)
