/** An agent that plays a recorded conversation. It pauses where the recorded client acted, until the orchestration does the same. */
import type { TurnId } from "@millrace/contracts/Ids"
import { type OpenInput, ProviderError, type ProviderSession } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { Effect, Queue, Stream } from "effect"
import { type Act, type Playback, playbacks } from "./CodexReplay.ts"
import type { Scripted } from "./ScriptedProvider.ts"

export interface Recorded extends Scripted {
  /** The native threads of the transcript, each with the number of its processes that got a turn. A thread's `model` names its native thread. */
  readonly threads: ReadonlyMap<string, number>
  /** The acts of the recorded client, for the test to repeat. The first `Start` of a process opened the session. */
  readonly acts: Queue.Dequeue<Act>
}

/** Skips recorded steers: a second turn/start during a turn was a steer, for which the orchestration uses another call. */
const nextAct = (
  playback: Playback,
  given: ReadonlyArray<TurnId>
): { readonly act: Act; readonly events: Array<ProviderEvent> } => {
  const events: Array<ProviderEvent> = []
  for (;;) {
    const step = playback.next()
    events.push(...step.events)
    const joins = step.act._tag === "Start" && given.some((turnId) => playback.normaliser.nativeTurnOf(turnId) !== undefined)
    if (!joins) return { act: step.act, events }
  }
}

const isStarted = (open: ReturnType<typeof playbacks>[number]["open"]): boolean => {
  const playback = open({ threadId: "thr_look" as OpenInput["threadId"], epoch: 1 })
  for (;;) {
    const { act } = playback.next()
    if (act._tag !== "Answer" && act._tag !== "Interrupt") return act._tag === "Start"
  }
}

const refused = new ProviderError({
  provider: "recorded",
  operation: "turn/start",
  outcome: "failed",
  failure: { kind: "refused", message: "The recorded client started no turn here." }
})

const session = (playback: Playback, acts: Queue.Enqueue<Act>) =>
  Effect.gen(function* () {
    // Not a Mailbox (docs/decisions/0023); the end of the stream is a value.
    const output = yield* Queue.bounded<ProviderEvent | undefined>(16)
    const scope = yield* Effect.scope
    const given: Array<TurnId> = []
    let act: Act = { _tag: "End" }
    const say = (events: ReadonlyArray<ProviderEvent>) => Effect.asVoid(Queue.offerAll(output, events))
    const end = (cause: Parameters<Playback["normaliser"]["end"]>[0]) =>
      Effect.zipRight(say(playback.normaliser.end(cause)), Effect.asVoid(Queue.offer(output, undefined)))
    const go = Effect.suspend(() => {
      const step = nextAct(playback, given)
      act = step.act
      return Effect.all([
        say(step.events),
        act._tag === "End" && playback.exit ? end(playback.exit) : Effect.void,
        acts.offer(act)
      ])
    })
    // A command returns at once. The conversation continues concurrently, as in a process.
    const continued = Effect.forkIn(go, scope)
    yield* continued
    return {
      events: Stream.fromQueue(output).pipe(Stream.takeWhile((event) => event !== undefined)),
      continuity: "fresh",
      resumeKey: playback.nativeThreadId,
      capabilities: ["interrupt", "approvals", "questions"],
      startTurn: ({ turnId }) =>
        Effect.suspend(() => {
          if (act._tag !== "Start") return Effect.fail(refused)
          act.give(turnId)
          given.push(turnId)
          return Effect.asVoid(continued)
        }),
      steer: () => Effect.fail(refused),
      interrupt: (turnId) =>
        Effect.suspend(() => {
          playback.normaliser.interrupting(turnId)
          return act._tag === "Interrupt" && act.turnId === turnId ? Effect.asVoid(continued) : Effect.void
        }),
      answer: (requestId) =>
        Effect.suspend(() => {
          playback.normaliser.answered(requestId)
          return act._tag === "Answer" && act.requestId === requestId ? Effect.asVoid(continued) : Effect.void
        }),
      stop: (reason) => end(reason)
    } satisfies ProviderSession
  })

/** The transcript with this name, as the provider `recorded`. */
export const make = (name: string): Effect.Effect<Recorded> =>
  Effect.gen(function* () {
    const started = playbacks(name).filter(({ open }) => isStarted(open))
    // At most one act is pending per thread.
    const acts = yield* Queue.bounded<Act>(16)
    const threads = new Map<string, number>()
    for (const { nativeThreadId } of started) threads.set(nativeThreadId, (threads.get(nativeThreadId) ?? 0) + 1)
    return {
      acts,
      threads,
      calls: [],
      live: () => 0,
      adapter: {
        name: "recorded",
        probe: Effect.succeed({ provider: "recorded", installed: true, signedIn: "not-needed", capabilities: [] }),
        open: (input) => {
          const playback = started.filter(({ nativeThreadId }) => nativeThreadId === input.model)[input.epoch - 1]
          return playback === undefined ? Effect.fail(refused) : session(playback.open(input), acts)
        }
      }
    }
  })
