/**
 * An agent in memory, for tests. An Effect of the test defines the agent's behaviour in a turn. The agent keeps the promises of the normaliser (the turn of
 * a dead session ends with the exit evidence), and can misbehave in the ways that the orchestration must survive.
 */
import { defined } from "@millrace/contracts/Defined"
import type { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, Ask, Failure } from "@millrace/contracts/Item"
import {
  type OpenInput,
  type ProviderAdapter,
  ProviderError,
  Providers,
  type ProviderSession,
  type TurnAttachment
} from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import type { TurnAction } from "@millrace/contracts/State"
import { Deferred, Effect, Layer, Queue, Stream } from "effect"

/** The actions of a scripted turn. */
export interface Turn {
  readonly threadId: ThreadId
  readonly epoch: number
  readonly turnId: TurnId
  readonly text: string
  readonly action: TurnAction | undefined
  readonly attachments: ReadonlyArray<TurnAttachment>
  readonly emit: (...events: ReadonlyArray<ProviderEvent>) => Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** Sends one message in these pieces. */
  readonly say: (...pieces: ReadonlyArray<string>) => Effect.Effect<ItemId>
  readonly newItem: Effect.Effect<ItemId>
  /** Opens a request and waits for its answer. */
  readonly ask: (ask: Ask) => Effect.Effect<Answer>
  readonly complete: Effect.Effect<void>
  readonly fail: (error: Failure) => Effect.Effect<void>
  /** Completes when an interrupt of the turn is requested. */
  readonly interrupted: Effect.Effect<void>
  /** The process dies: its turn fails with the exit evidence, and no event follows. */
  readonly die: Effect.Effect<void>
  /** The process exits without an event. */
  readonly exit: Effect.Effect<void>
  readonly steers: ReadonlyArray<string>
}

export interface Options {
  readonly name?: string
  /** Default: echoes the prompt and completes. The effect runs until an interrupt that it obeys. */
  readonly turn?: (turn: Turn) => Effect.Effect<void>
  readonly open?: (input: OpenInput) => Effect.Effect<void, ProviderError>
  readonly onInterrupt?: "obey" | "ignore" | "refuse"
  /** `ignore`: the session's output does not end after a stop, but only when its scope closes. */
  readonly onStop?: "obey" | "ignore"
  readonly startTurn?: (turnId: TurnId) => Effect.Effect<void, ProviderError>
  readonly capabilities?: ProviderSession["capabilities"]
  /** Runs after a steer was recorded. */
  readonly onSteer?: Effect.Effect<void>
  readonly takes?: NonNullable<ProviderSession["takes"]>
  readonly settable?: ProviderAdapter["settable"]
  readonly settableIn?: NonNullable<ProviderAdapter["settableIn"]>
  readonly defaults?: ProviderAdapter["defaults"]
  /** Called when the running session gets changed settings. */
  readonly configure?: NonNullable<ProviderSession["configure"]>
}

/** The calls to the agents of one provider, in order. */
export interface Scripted {
  readonly adapter: ProviderAdapter
  readonly calls: ReadonlyArray<string>
  /** Sessions whose scope is open. */
  readonly live: () => number
}

export const failure = (operation: string, failure: Failure, outcome: "failed" | "unknown" = "failed"): ProviderError =>
  new ProviderError({ provider: "scripted", operation, outcome, failure })

const echo = (turn: Turn): Effect.Effect<void> =>
  Effect.all([turn.start, turn.say("you said: ", turn.text), turn.complete], { discard: true })

const died: Failure = { kind: "process", message: "the agent exited with code 1", detail: "scripted death" }

const session = (options: Options, input: OpenInput, calls: Array<string>) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    // Not a Mailbox: its reader can miss a message that arrives between its check and its wait (docs/decisions/0023).
    const output = yield* Queue.bounded<ProviderEvent | undefined>(64)
    const turns = new Map<TurnId, Deferred.Deferred<void>>()
    const answers = new Map<RequestId, Deferred.Deferred<Answer>>()
    const steers: Array<string> = []
    let ids = 0
    const { threadId, epoch } = input
    const suffix = () => `${threadId.slice("thr_".length)}_${epoch}_${++ids}`
    const emit = (...events: ReadonlyArray<ProviderEvent>) => Effect.asVoid(Queue.offerAll(output, events))
    const settle = (turnId: TurnId, event: ProviderEvent) =>
      Effect.suspend(() => {
        const open = turns.get(turnId)
        turns.delete(turnId)
        return open === undefined ? Effect.void : emit(event)
      })
    let ended = false
    const end = Effect.suspend(() => {
      if (ended) return Effect.void
      ended = true
      return Effect.asVoid(Queue.offer(output, undefined))
    })
    const die = Effect.suspend(() =>
      Effect.zipRight(
        Effect.forEach([...turns.keys()], (turnId) => settle(turnId, { _tag: "TurnFailed", turnId, error: died }), {
          discard: true
        }),
        end
      )
    )
    const turnOf = (
      { action, attachments = [], text, turnId }: Parameters<ProviderSession["startTurn"]>[0],
      interrupted: Effect.Effect<void>
    ): Turn => ({
      threadId,
      epoch,
      turnId,
      text,
      action,
      attachments,
      emit,
      steers,
      interrupted,
      die,
      exit: end,
      newItem: Effect.sync(() => `itm_${suffix()}` as ItemId),
      start: emit({ _tag: "TurnStarted", turnId, origin: "user" }),
      complete: settle(turnId, { _tag: "TurnCompleted", turnId }),
      fail: (error) => settle(turnId, { _tag: "TurnFailed", turnId, error }),
      say: (...pieces) =>
        Effect.gen(function* () {
          const itemId = `itm_${suffix()}` as ItemId
          const item = { turnId, itemId, kind: "agent-message" }
          yield* emit({ _tag: "ItemStarted", ...item, content: {} })
          for (const text of pieces) yield* emit({ _tag: "ItemDelta", ...item, text })
          yield* emit({ _tag: "ItemCompleted", ...item, status: "completed", content: { text: pieces.join("") } })
          return itemId
        }),
      ask: (ask) =>
        Effect.gen(function* () {
          const requestId = `req_${suffix()}` as RequestId
          const answer = yield* Deferred.make<Answer>()
          answers.set(requestId, answer)
          yield* emit({ _tag: "RequestOpened", turnId, requestId, ask })
          return yield* Deferred.await(answer)
        })
    })
    yield* Effect.addFinalizer(() => die)

    return {
      events: Stream.fromQueue(output).pipe(Stream.takeWhile((event) => event !== undefined)),
      continuity: input.resumeKey === undefined ? "fresh" : "resumed",
      resumeKey: `key-${threadId}`,
      capabilities: options.capabilities ?? ["interrupt", "approvals", "questions", "resume"],
      ...defined({ takes: options.takes }),
      startTurn: (asked) =>
        Effect.gen(function* () {
          const { turnId, text } = asked
          calls.push(
            [`start ${turnId} ${text}`, ...(asked.attachments ?? []).map(({ delivery, name }) => `${delivery}:${name}`)].join(" ")
          )
          yield* options.startTurn?.(turnId) ?? Effect.void
          const stop = yield* Deferred.make<void>()
          turns.set(turnId, stop)
          const run = (options.turn ?? echo)(turnOf(asked, Deferred.await(stop)))
          yield* Effect.forkIn(
            (options.onInterrupt ?? "obey") === "obey" ? Effect.raceFirst(run, Deferred.await(stop)) : run,
            scope
          )
        }),
      ...(options.configure === undefined ? {} : { configure: options.configure }),
      steer: ({ turnId, text, attachments = [] }) =>
        Effect.suspend(() => {
          calls.push([`steer ${turnId} ${text}`, ...attachments.map(({ delivery, name }) => `${delivery}:${name}`)].join(" "))
          if (!turns.has(turnId)) return Effect.fail(failure("steer", { kind: "refused", message: "no such turn" }))
          steers.push(text)
          return options.onSteer ?? Effect.void
        }),
      interrupt: (turnId) =>
        Effect.suspend(() => {
          calls.push(`interrupt ${turnId}`)
          if (options.onInterrupt === "refuse") return Effect.fail(failure("interrupt", { kind: "refused", message: "no" }))
          const stop = turns.get(turnId)
          if (options.onInterrupt === "ignore" || stop === undefined) return Effect.void
          return Effect.zipRight(Deferred.succeed(stop, undefined), settle(turnId, { _tag: "TurnInterrupted", turnId }))
        }),
      answer: (requestId, answer) =>
        Effect.suspend(() => {
          calls.push(`answer ${requestId} ${JSON.stringify(answer)}`)
          const waiting = answers.get(requestId)
          return waiting === undefined ? Effect.void : Deferred.succeed(waiting, answer)
        }),
      stop: (reason) =>
        Effect.suspend(() => {
          calls.push(`stop ${reason}`)
          return options.onStop === "ignore" ? Effect.void : die
        })
    } satisfies ProviderSession
  })

export const make = (options: Options = {}): Scripted => {
  const calls: Array<string> = []
  let live = 0
  const name = options.name ?? "scripted"
  return {
    calls,
    live: () => live,
    adapter: {
      name,
      ...defined({ settable: options.settable, settableIn: options.settableIn, defaults: options.defaults }),
      probe: Effect.succeed({ provider: name, installed: true, signedIn: "not-needed", capabilities: [] }),
      open: (input) =>
        Effect.gen(function* () {
          calls.push(`open ${input.epoch}`)
          yield* options.open?.(input) ?? Effect.void
          yield* Effect.acquireRelease(
            Effect.sync(() => live++),
            () => Effect.sync(() => live--)
          )
          return yield* session(options, input, calls)
        })
    }
  }
}

export const layer = (...scripted: ReadonlyArray<Scripted>) =>
  Layer.succeed(Providers, { adapters: new Map(scripted.map(({ adapter }) => [adapter.name, adapter])) })
