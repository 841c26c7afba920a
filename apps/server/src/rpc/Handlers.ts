/** Serves the RPC group: the same calls, errors and frames as HTTP (D9). */
import { type Rpc as RpcTypes, Rpc, type RpcGroup } from "@effect/rpc"
import { Effect, type Schema, Stream } from "effect"
import { served } from "@millrace/contracts/Capabilities"
import { format } from "@millrace/contracts/Cursor"
import { type BadRequest, Forbidden, Overloaded } from "@millrace/contracts/Errors"
import { limitReached } from "@millrace/contracts/Frame"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { EventLog } from "@millrace/log/EventLog"
import * as Scopes from "../auth/Scopes.ts"
import { type Session, stillValid } from "../auth/Session.ts"
import type { Tokens } from "../auth/Tokens.ts"
import { Drain } from "../http/Drain.ts"
import { resolveFrom } from "../http/Events.ts"
import * as Subscription from "../subscriptions/Subscription.ts"
import * as Allowance from "../http/Allowance.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"
import * as Strict from "../http/Strict.ts"
import type { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"
import * as Commands from "../Commands.ts"
import { Service } from "../Service.ts"
import * as FrameEncoder from "../subscriptions/FrameEncoder.ts"
import { Caller } from "./Caller.ts"
import * as Calls from "./Calls.ts"
import type { FollowRequest } from "./FollowMessages.ts"
import * as FrameText from "./FrameText.ts"
import { ServedRpcs } from "./ServedRpcs.ts"

/** A connection is cut up to half a second after its token ends; until then it makes no more calls (X9). */
const valid = (session: Session["Type"]) => Effect.mapError(stillValid(session), ({ message }) => new Forbidden({ message }))

/** Maximum number of concurrent streams of one connection; a subscription holds a position and a page (D7, X5). */
const maxStreams = 256
/** A `follow` beyond `maxStreams` ends with a `bye`, which stays open until the client acknowledges it. Beyond this number it fails at once. */
const maxOpen = 2 * maxStreams
const tooManyStreams = new Overloaded({
  message: `This connection has ${maxStreams} open streams and has not read the end of ${maxOpen - maxStreams} more. End some of them.`,
  retryAfterMillis: Allowance.streamRetryMillis
})

type Call = RpcGroup.Rpcs<typeof MillraceRpcs>
type PayloadOf<T extends Call["_tag"]> = RpcTypes.Payload<Extract<Call, { readonly _tag: T }>>

/** Decoders of each call's payload; a payload that does not match the contract is a `BadRequest` (C6). */
const decoders = new Map<string, Strict.Decoder<unknown>>(
  Array.from(MillraceRpcs.requests, ([tag, { payloadSchema }]) => {
    const isNone = payloadSchema.ast._tag === "VoidKeyword"
    const decoder = isNone ? Strict.nothing("payload") : Strict.decoder(payloadSchema as Schema.Schema<unknown>, "payload")
    return [tag, decoder]
  })
)
const decodeDispatch: Strict.Decoder<unknown> = (value, mode) => {
  // Decodes the command separately, so that its type determines its fields, and errors have paths relative to it.
  const { command, ...others } =
    typeof value === "object" && value !== null && "command" in value ? value : { command: undefined }
  return Effect.map(
    Effect.zip(Strict.command("command")(command, mode), Strict.nothing("payload")(others, mode)),
    ([command]) => ({ command })
  )
}

const decode = <T extends Call["_tag"]>(tag: T, payload: unknown, mode: Strict.Mode): Effect.Effect<PayloadOf<T>, BadRequest> =>
  Effect.gen(function* () {
    const decoder = tag === "dispatch" ? decodeDispatch : decoders.get(tag)
    // The decoder of this tag returns its payload: the map is made from the group's schemas.
    return (yield* decoder?.(payload, mode) ?? Effect.dieMessage(`no such call: ${tag}`)) as PayloadOf<T>
  })

const page = (request: { readonly before?: number | undefined; readonly limit?: number | undefined }) => ({
  ...(request.before !== undefined && { before: Math.max(1, request.before) }),
  ...(request.limit !== undefined && { limit: Math.max(1, request.limit) })
})

export const layer = ServedRpcs.toLayer(
  Effect.gen(function* () {
    const service = yield* Service
    const log = yield* EventLog
    const drain = yield* Drain
    const subscribers = yield* Subscribers.Registry
    const allowance = yield* Allowance.Current
    const encoder = yield* FrameEncoder.make({
      page: (page) => FrameText.ofPage(log.epoch, page),
      control: (frame) => FrameText.ofStep(log.epoch, frame)
    })
    const context = yield* Effect.context<EventLog | SubscriberScheduler | Tokens>()
    // Each upgrade has a separate session object, even with the same token.
    const streams = new WeakMap<Session["Type"], number>()
    const countStream = (own: Session["Type"], change: 1 | -1) =>
      Effect.sync(() => {
        const now = (streams.get(own) ?? 0) + change
        streams.set(own, now)
        return now
      })
    const limitCalls = Calls.make()
    /** Runs one call, if the token's scope permits it, under the limits of its connection and its token; the drain waits for it. */
    const answer = <T extends Call["_tag"], A, E, R>(
      tag: T,
      payload: unknown,
      call: (payload: PayloadOf<T>, own: Session["Type"]) => Effect.Effect<A, E, R>
    ) =>
      drain.track(
        Effect.flatMap(Caller, ({ mode, session, socket }) =>
          limitCalls(
            session,
            socket
          )(
            Effect.zipRight(
              Effect.zipRight(
                Effect.zipRight(valid(session), allowance.request(session.actor)),
                Scopes.permit(session.scope, tag)
              ),
              Effect.flatMap(decode(tag, payload, mode), (known) => call(known, session))
            )
          )
        )
      )
    return {
      // Uninterruptible: a command completes even if its client disconnects (D11).
      dispatch: (sent: unknown) =>
        Rpc.uninterruptible(
          answer("dispatch", sent, ({ command }, { actor, scope }) =>
            Effect.zipRight(Scopes.permit(scope, command.type), service.dispatch(Commands.withDefaultCwd(command), actor))
          )
        ),
      commandStatus: (sent: unknown) => answer("commandStatus", sent, ({ commandId }) => service.commandStatus(commandId)),
      state: (sent: unknown) => answer("state", sent, () => service.state),
      threads: (sent: unknown) =>
        answer("threads", sent, ({ before, limit, ...filter }) => service.threads({ ...page({ before, limit }), ...filter })),
      thread: (sent: unknown) => answer("thread", sent, ({ threadId }) => service.thread(threadId)),
      items: (sent: unknown) => answer("items", sent, ({ threadId, ...request }) => service.items(threadId, page(request))),
      turns: (sent: unknown) => answer("turns", sent, ({ threadId, ...request }) => service.turns(threadId, page(request))),
      search: (sent: unknown) =>
        answer("search", sent, ({ before, limit, ...filter }) => service.search({ ...page({ before, limit }), ...filter })),
      requests: (sent: unknown) => answer("requests", sent, () => service.requests),
      providers: (sent: unknown) => answer("providers", sent, () => service.providers),
      capabilities: (sent: unknown) => answer("capabilities", sent, () => Effect.succeed(served)),
      follow: (request: FollowRequest) =>
        Stream.unwrapScoped(
          Effect.gen(function* () {
            const { mode, session: own, socket } = yield* Caller
            // Counted before it is decoded, as the other calls are: a malformed request counts too.
            const admitted = yield* Effect.either(allowance.request(own.actor))
            yield* valid(own)
            yield* Scopes.permit(own.scope, "follow")
            const { after, ...filter } = yield* decode("follow", request.payload, mode)
            yield* Effect.acquireRelease(drain.enter, () => drain.leave)
            const open = yield* Effect.acquireRelease(countStream(own, 1), () => countStream(own, -1))
            if (open > maxOpen) return yield* tooManyStreams
            const from = yield* resolveFrom(after === undefined ? "start" : { cursor: after })
            const limited = (retryAfterMillis: number) =>
              Stream.execute(
                request.deliver(socket, [
                  FrameText.ofControl({
                    _tag: "bye",
                    reason: limitReached,
                    resumeAfter: format(log.epoch, from),
                    retryAfterMillis
                  })
                ])
              )
            if (admitted._tag === "Left") return limited(admitted.left.retryAfterMillis)
            if (open > maxStreams || allowance.crowded(subscribers, own.actor)) return limited(Allowance.streamRetryMillis)
            const subscriber = Subscribers.subscriber("rpc", own.actor, from)
            yield* Effect.acquireRelease(
              Effect.sync(() => subscribers.enter(subscriber)),
              () => Effect.sync(() => subscribers.leave(subscriber))
            )
            const encode = encoder.of(filter, subscriber)
            const { first, next } = yield* Subscription.attach({
              after: from,
              subscriber,
              session: own,
              pages: encoder.pages,
              ...filter
            })
            const rest = Effect.whileLoop({
              while: () => true,
              body: () => Effect.flatMap(next, (step) => request.deliver(socket, [encode(step)])),
              step: () => {}
            })
            return Stream.execute(
              Effect.flatMap(first, (steps) => request.deliver(socket, steps.map(encode))).pipe(
                Effect.zipRight(rest),
                // Fails only with `None`, when there are no more steps.
                Effect.ignore
              )
            )
          })
        ).pipe(Stream.provideSomeContext(context))
    }
  })
)
