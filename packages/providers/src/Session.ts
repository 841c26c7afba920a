/**
 * Connects a child to `ProviderSession.events`: each message is mapped to native events, which go through the normaliser.
 * One consumer pulls all messages, so events keep the child's order. The events of the child's exit come last (P5).
 */
import type { TurnId } from "@millrace/contracts/Ids"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Chunk, Effect, FiberHandle, Queue, type Scope, Stream } from "effect"
import type { NativeEvent } from "./NativeEvent.ts"
import type * as Normaliser from "./Normaliser.ts"
import type { ExitEvidence, Incoming, RpcChild, RpcId } from "./process/RpcChild.ts"

/** A mapped message. `reply`: the immediate reply, without a person (method-not-found, a time, a refusal). */
export interface Mapped {
  readonly events: ReadonlyArray<NativeEvent>
  readonly reply?: Effect.Effect<void, ProviderError>
  /** For a request to a person: the reply when the request arrives after its turn has ended (P6). */
  readonly tooLate?: Effect.Effect<void, ProviderError>
}

const repeated = ({ method, params }: Extract<Incoming, { readonly _tag: "Request" }>): Mapped => ({
  events: [{ _tag: "Opaque", method, payload: params }]
})

export interface Session {
  /** Run once. Ends when the child has exited and its output was read to the end; then all turns, items and requests are closed. */
  readonly events: Stream.Stream<ProviderEvent>
  /** Adds events that did not arrive as messages, such as the outcome in a response; they follow the messages that were read before. */
  readonly add: (events: ReadonlyArray<NativeEvent>) => Effect.Effect<void>
  /** `Normaliser.bindTurn`; its events are delivered now. */
  readonly bindTurn: (turnId: TurnId, nativeTurnId: string) => Effect.Effect<void>
}

/** Maximum replies that wait until the child reads its stdin. Each has its own deadline, so the queue keeps moving. */
const waitingReplies = 64

/** Grace period for an idle agent to report the end of its turn. The two reports are milliseconds apart, in either order. */
export const idleGrace = "5 seconds"

/** `map` is called once for each notification and request, in order; it keeps its own state and does no I/O. */
export const make = (options: {
  readonly child: RpcChild
  readonly normaliser: Normaliser.Normaliser
  readonly map: (message: Exclude<Incoming, { readonly _tag: "BadLine" }>) => Mapped
  /**
   * Whether a request with this id is open. A second request with its id is not mapped and not answered, but kept as opaque: an answer must belong to
   * the request that was shown.
   */
  readonly isOpen?: (id: RpcId) => boolean
  /** Called on exit before all open turns and items are closed: returns events that the adapter still holds. */
  readonly atExit?: (exit: ExitEvidence) => ReadonlyArray<NativeEvent>
}): Effect.Effect<Session, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { child, normaliser, map } = options
    const added: Array<NativeEvent> = []
    const replies = yield* Queue.bounded<Effect.Effect<void, ProviderError>>(waitingReplies)
    // In a fiber separate from the reader, because a child that does not read its stdin must not block the reader (deadlock).
    yield* Queue.take(replies).pipe(
      Effect.flatMap((reply) => Effect.catchAll(reply, (error) => Effect.logDebug(error.message))),
      Effect.forever,
      Effect.forkScoped
    )

    /** A message on which the mapping throws is kept unchanged, and a request is refused: one bad message does not end the session (P4). */
    const guarded = (message: Exclude<Incoming, { readonly _tag: "BadLine" }>): Mapped => {
      try {
        return map(message)
      } catch (cause) {
        const payload = { error: String(cause), method: message.method, params: message.params }
        return {
          events: [{ _tag: "Opaque", method: "millrace/unmapped", payload }],
          ...(message._tag === "Request" ? { reply: child.respondError(message.id, -32603, "not understood") } : {})
        }
      }
    }

    const idle = yield* FiberHandle.make()

    const translate = (messages: Chunk.Chunk<Incoming>): Effect.Effect<Chunk.Chunk<ProviderEvent>> => {
      const out: Array<ProviderEvent> = []
      const say: Array<Effect.Effect<void, ProviderError>> = []
      let late = false
      let reportedIdle = false
      const push = (native: NativeEvent) => {
        if (native._tag === "AgentIdle") reportedIdle = true
        for (const event of normaliser.push(native)) {
          out.push(event)
          // The normaliser keeps a request whose turn has ended as it is; the provider still waits for an answer.
          if (native._tag === "RequestOpened" && event._tag === "Opaque" && event.payload === native) late = true
        }
      }
      for (const message of messages) {
        if (message._tag === "BadLine") {
          push({ _tag: "Opaque", method: "millrace/bad-line", payload: { text: message.text, bytes: message.bytes } })
          continue
        }
        const mapped = message._tag === "Request" && options.isOpen?.(message.id) === true ? repeated(message) : guarded(message)
        late = false
        for (const native of mapped.events) push(native)
        if (mapped.reply !== undefined) say.push(mapped.reply)
        if (mapped.tooLate !== undefined && late) say.push(mapped.tooLate)
      }
      for (const native of added.splice(0)) push(native)
      for (const event of normaliser.flush()) out.push(event)
      const chunk = Chunk.unsafeFromArray(out)
      const answered = say.length === 0 ? Effect.succeed(chunk) : Effect.as(replies.offerAll(say), chunk)
      return reportedIdle ? Effect.zipLeft(answered, FiberHandle.run(idle, settleIdle)) : answered
    }

    const add = (events: ReadonlyArray<NativeEvent>) =>
      Effect.suspend(() => {
        added.push(...events)
        return child.wake
      })
    const settleIdle = Effect.delay(add([{ _tag: "IdleGraceOver" }]), idleGrace)

    const last = Effect.map(child.exit, (exit) => {
      const natives = [...added.splice(0), ...(options.atExit?.(exit) ?? [])]
      return Chunk.unsafeFromArray([...natives.flatMap(normaliser.push), ...normaliser.end(exit)])
    })
    return {
      events: Stream.mapChunksEffect(child.incoming, translate).pipe(
        Stream.concat(Stream.unwrap(Effect.map(last, Stream.fromChunk)))
      ),
      add,
      bindTurn: (turnId, nativeTurnId) =>
        Effect.suspend(() => {
          normaliser.bindTurn(turnId, nativeTurnId)
          return child.wake
        })
    }
  })
