/**
 * The promises of a host to its embedder, as short runs of one host on virtual time. Each case returns what was wrong, and nothing if all was right. The case numbers
 * are those of docs/testing.md. `Mutants.ts` has the mistakes that each case must find.
 */
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Host } from "@millrace/host/Host"
import { EventLog } from "@millrace/log/EventLog"
import { Chunk, Clock, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import { command } from "../Orchestration.ts"
import * as ScriptedProvider from "../ScriptedProvider.ts"
import * as TestHost from "../TestHost.ts"

type Service = typeof Host.Service
type Wrong = ReadonlyArray<string>
export type Case = Effect.Effect<Wrong, unknown, Scope.Scope>

const lossless = { delivery: "lossless", capacity: 1 } as const
const says = (isWrong: boolean, what: string): Wrong => (isWrong ? [what] : [])
const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)
const offsets = (frames: Iterable<SubscriptionFrame>) => TestHost.events(frames).map(({ offset }) => offset)
const isSame = (left: ReadonlyArray<number>, right: ReadonlyArray<number>) => left.join() === right.join()
const frames = <E>(stream: Stream.Stream<SubscriptionFrame, E>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)
const thread = (text: string, id?: string) => command("thread.create", { provider: "scripted", cwd: "/work", turn: { text } }, id)
const rename = (threadId: Parameters<Service["thread"]>[0], title: string) => command("thread.rename", { threadId, title })
const agent = (
  turn: (turn: ScriptedProvider.Turn) => Effect.Effect<void>,
  options: Omit<ScriptedProvider.Options, "turn"> = {}
) => ScriptedProvider.make({ turn, ...options })
const terminals = ["turn.completed", "turn.interrupted", "turn.failed"]

/** A host with a thread whose first turn has ended. */
const quiet = (options: TestHost.Options = {}) =>
  Effect.gen(function* () {
    const host = yield* TestHost.make(options)
    const { threadId } = yield* TestHost.begin(host, "hello")
    yield* TestHost.until(host, ...terminals)
    return { host, threadId }
  })
/** A log whose commits take `millis`. */
const slowLog = (millis: number) =>
  Layer.effect(
    EventLog,
    Effect.map(TestHost.memoryLog, (log) =>
      EventLog.of({ ...log, append: (envelopes) => Effect.zipRight(Effect.sleep(millis), log.append(envelopes)) })
    )
  )
/** Runs on virtual time, with a time limit of one minute. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(Effect.timeout(effect, "1 minute"))
    return { exit, took: (yield* Clock.currentTimeMillis) - start }
  })
const shut = (host: Service, deadline: `${number} seconds`, mode: "drain" | "now" = "now") =>
  Effect.flatMap(host.beginShutdown({ deadline, mode }), host.finishShutdown)

export const cases = {
  /** A consumer with capacity 1 that reads nothing while the log fills, then everything. */
  "S4 D7 saturation (case 1)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet()
    const next = yield* Effect.map(Stream.toPull(host.subscribe(lossless)), Effect.map(Chunk.toReadonlyArray))
    const got = [...(yield* next)]
    yield* Effect.forEach(range(1, 50), (n) => host.dispatch(rename(threadId, `title ${n}`)), { discard: true })
    const { offset } = yield* host.state
    while (got.at(-1)?._tag !== "event" || offsets(got).at(-1) !== offset) {
      const more = yield* Effect.timeoutOption(next, "1 second")
      if (Option.isNone(more)) break
      got.push(...more.value)
    }
    return says(!isSame(offsets(got), range(1, offset)), `${offset} events, and the consumer got ${offsets(got).join()}`)
  }),

  /** Best effort: a lagging subscriber gets exactly the range that it missed, before the next event; that range contains no terminal event. */
  "S4 best effort (case 2)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet({
      providers: [agent((turn) => Effect.all([turn.start, turn.say("a", "b"), turn.complete], { discard: true }))]
    })
    const next = yield* Effect.map(
      Stream.toPull(host.subscribe({ delivery: "best-effort", capacity: 1 })),
      Effect.map(Chunk.toReadonlyArray)
    )
    const got: Array<SubscriptionFrame> = []
    while (got.at(-1)?._tag !== "caught-up") got.push(...(yield* next))
    for (let n = 0; n < 5; n++) {
      const { turnId } = yield* host.dispatch(command("turn.start", { threadId, text: `more ${n}` }))
      yield* host.follow({}).pipe(
        Stream.takeUntil(
          (frame) =>
            frame._tag === "event" &&
            terminals.includes(frame.event.type) &&
            "turnId" in Object(frame.event.data) &&
            (frame.event.data as { readonly turnId: string }).turnId === turnId
        ),
        Stream.runDrain
      )
    }
    const { offset } = yield* host.state
    let delivered = 0
    for (let at = 0; delivered < offset;) {
      const more = yield* Effect.timeoutOption(next, "1 second")
      if (Option.isNone(more)) break
      got.push(...more.value)
      for (; at < got.length; at++) {
        const frame = got[at]!
        if (frame._tag === "event") delivered = Math.max(delivered, frame.event.offset)
      }
    }
    const wrong: Array<string> = []
    let position = 0
    for (const frame of got) {
      if (frame._tag === "lagged") {
        if (frame.from !== position + 1 || frame.to - frame.from + 1 !== frame.skipped)
          wrong.push(`lagged ${frame.from}..${frame.to} (${frame.skipped}) after ${position}`)
        position = frame.to
      } else if (frame._tag === "event") {
        if (frame.event.offset !== position + 1) wrong.push(`event ${frame.event.offset} after ${position}`)
        position = frame.event.offset
      }
    }
    const ends = TestHost.events(got).filter(({ type }) => terminals.includes(type)).length
    if (ends !== 6) wrong.push(`${ends} ends of 6 turns`)
    if (!got.some(({ _tag }) => _tag === "lagged")) wrong.push("nothing was skipped")
    return wrong
  }),

  /** Commands are answered while a consumer never reads. */
  "D15 answers (case 4)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet()
    yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
    yield* Effect.sleep("1 millis")
    const answered = yield* Effect.forEach(range(1, 50), (n) =>
      Effect.timeoutOption(host.dispatch(rename(threadId, `title ${n}`)), "1 second")
    )
    const lost = answered.filter(Option.isNone).length
    return says(lost > 0, `${lost} of 50 commands were not answered`)
  }),

  /** More commands than the queue holds: each is accepted or rejected. */
  "C3 overload (case 11)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet({ engine: { commands: { count: 20, weight: 1 << 20 } } })
    const answers = yield* Effect.forEach(
      range(1, 200),
      (n) => Effect.timeoutOption(Effect.either(host.dispatch(rename(threadId, `title ${n}`))), "10 seconds"),
      { concurrency: "unbounded" }
    )
    const pending = answers.filter(Option.isNone).length
    const refused = answers.flatMap((answer) =>
      Option.isSome(answer) && answer.value._tag === "Left" ? [answer.value.left._tag as string] : []
    )
    return [
      ...says(pending > 0, `${pending} commands have no answer`),
      ...says(
        refused.some((tag) => tag !== "Overloaded"),
        `refused with ${refused.join()}`
      )
    ]
  }),

  /** A command sent just before the shutdown completes, and its answer means that it is committed. */
  "S2 C1 accepted just before (case 15)": Effect.gen(function* () {
    const host = yield* TestHost.make({ store: slowLog(20) })
    const reader = yield* Effect.fork(frames(host.subscribe(lossless)))
    const sent = yield* Effect.forEach(range(1, 5), (n) =>
      Effect.fork(
        Effect.gen(function* () {
          const answer = yield* Effect.either(host.dispatch(thread(`turn ${n}`)))
          return { answer, head: (yield* host.state).offset }
        })
      )
    )
    yield* Effect.sleep("1 millis")
    const { exit } = yield* timed(shut(host, "30 seconds", "drain"))
    const wrong: Array<string> = []
    if (Exit.isFailure(exit)) wrong.push("the shutdown failed")
    const events = TestHost.events(yield* Fiber.join(reader))
    for (const fiber of sent) {
      const { answer, head } = yield* Fiber.join(fiber)
      if (answer._tag === "Left") wrong.push(`refused with ${answer.left._tag}`)
      else {
        if (answer.right.offset > head) wrong.push(`answered at head ${head} with offset ${answer.right.offset}`)
        const ends = events.filter(
          ({ type, data }) => terminals.includes(type) && (data as { readonly turnId: string }).turnId === answer.right.turnId
        )
        if (ends.length !== 1) wrong.push(`${ends.length} ends of an accepted turn`)
      }
    }
    return wrong
  }),

  /** A command on a handle from before the shutdown. */
  "S1 late command (case 16)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet()
    const { dispatch } = host
    yield* host.beginShutdown({ deadline: "5 seconds", mode: "now" })
    const { offset } = yield* host.state
    const late = yield* Effect.either(Effect.timeout(dispatch(rename(threadId, "late")), "1 second"))
    const events = yield* frames(
      Stream.takeUntil(host.follow({ after: `${(yield* host.state).logEpoch}-${offset}` }), ({ _tag }) => _tag === "caught-up")
    )
    return [
      ...says(
        late._tag === "Right" || late.left._tag !== "ShuttingDown",
        `a late command: ${late._tag === "Right" ? "accepted" : late.left._tag}`
      ),
      ...says(
        TestHost.events(events).some(({ type }) => type === "thread.updated"),
        "it is in the log"
      )
    ]
  }),

  /** `bye` is at the head, after all events. */
  "S3 goodbye at the head (case 17)": Effect.gen(function* () {
    const host = yield* TestHost.make({
      providers: [agent((turn) => Effect.all([turn.start, Effect.sleep("100 millis"), turn.complete], { discard: true }))]
    })
    const reader = yield* Effect.fork(frames(host.subscribe(lossless)))
    yield* TestHost.begin(host, "hello")
    yield* TestHost.until(host, "turn.started")
    yield* timed(shut(host, "5 seconds", "drain"))
    const got = yield* Fiber.join(reader)
    const { logEpoch, offset } = yield* host.state
    const last = got.at(-1)
    return [
      ...says(
        last?._tag !== "bye" || last.resumeAfter !== `${logEpoch}-${offset}`,
        `the last frame at ${offset}: ${JSON.stringify(last)}`
      ),
      ...says(!isSame(offsets(got), range(1, offset)), `${offset} events, and the consumer got ${offsets(got).join()}`)
    ]
  }),

  /** A slow consumer that can finish before the deadline. */
  "S4 slow consumer (case 19)": Effect.gen(function* () {
    const { host, threadId } = yield* quiet()
    yield* Effect.forEach(range(1, 100), (n) => host.dispatch(rename(threadId, `title ${n}`)), { discard: true })
    const got: Array<SubscriptionFrame> = []
    const reader = yield* Effect.fork(
      Stream.runForEach(host.subscribe(lossless), (frame) => {
        got.push(frame)
        return Effect.sleep("10 millis")
      })
    )
    yield* Effect.sleep("1 millis")
    const { exit } = yield* timed(shut(host, "10 seconds"))
    yield* Fiber.join(reader)
    const { offset } = yield* host.state
    return [
      ...says(Exit.isFailure(exit), "the shutdown failed"),
      ...says(!isSame(offsets(got), range(1, offset)), `${offset} events, and the consumer got ${offsets(got).length}`)
    ]
  }),

  /** The shutdown does not wait for a consumer that dies. */
  "S5 consumer dies (case 20)": Effect.gen(function* () {
    const { host } = yield* quiet()
    const dying = yield* Effect.fork(Stream.runForEach(host.subscribe({ ...lossless, name: "dying" }), () => Effect.never))
    yield* Effect.sleep("1 millis")
    const token = yield* host.beginShutdown({ deadline: "5 seconds", mode: "now" })
    const finish = yield* Effect.fork(timed(host.finishShutdown(token)))
    yield* Effect.sleep("10 millis")
    yield* Fiber.interrupt(dying)
    const { exit, took } = yield* Fiber.join(finish)
    return says(Exit.isFailure(exit) || took > 1000, `finished after ${took} ms: ${exit._tag}`)
  }),

  /** A consumer that never reads: the shutdown ends at the deadline and reports failure. */
  "S5 S6 consumer never reads (cases 21, 22)": Effect.gen(function* () {
    const { host } = yield* quiet()
    yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
    yield* Effect.sleep("1 millis")
    const { exit, took } = yield* timed(shut(host, "3 seconds"))
    return [...says(Exit.isSuccess(exit), "it succeeded"), ...says(took !== 3000, `it took ${took} ms of 3000`)]
  }),

  /** Layers that hang when they close: the agents' and the log's. */
  "S6 layers that hang (cases 22, 23)": Effect.gen(function* () {
    const hanging = TestHost.hangingSessions(agent((turn) => Effect.zipRight(turn.start, Effect.never)))
    const scope = yield* Scope.make()
    const host = yield* Scope.extend(TestHost.make({ providers: [hanging], store: TestHost.hangingLog }), scope)
    yield* TestHost.begin(host, "hello")
    yield* TestHost.until(host, "turn.started")
    const { took } = yield* timed(Effect.zipRight(Effect.either(shut(host, "5 seconds")), Scope.close(scope, Exit.void)))
    // After a deadline is used up, the log and its lock still get one second.
    return says(took > 6000, `it took ${took} ms of 5000`)
  }),

  /** An agent opens a request when no client can answer any more. */
  "S2 approvals (case 24)": Effect.gen(function* () {
    const asking = agent((turn) =>
      Effect.all([turn.start, turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept", "cancel"] }), turn.complete], {
        discard: true
      })
    )
    const host = yield* TestHost.make({ providers: [asking] })
    yield* TestHost.begin(host, "hello")
    yield* TestHost.until(host, "request.opened")
    const { took } = yield* timed(Effect.either(shut(host, "10 seconds", "drain")))
    const types = (yield* frames(host.follow({}))).flatMap((frame) => (frame._tag === "event" ? [frame.event.type] : []))
    return [
      ...says(took > 1000, `it took ${took} ms`),
      ...says(!types.includes("request.expired") || !types.includes("turn.completed"), `the log has ${types.join()}`)
    ]
  }),

  /** Two callers begin the shutdown, and two finish it. */
  "S7 begin twice (case 25)": Effect.gen(function* () {
    const { host } = yield* quiet()
    const first = yield* host.beginShutdown({ deadline: "5 seconds", mode: "now" })
    yield* Effect.sleep("1 seconds")
    const second = yield* host.beginShutdown({ deadline: "9 seconds", mode: "drain" })
    const reports = yield* Effect.forEach([first, second], host.finishShutdown, { concurrency: 2 })
    return [
      ...says(first.deadlineAt !== second.deadlineAt || first.mode !== second.mode, "two tokens"),
      ...says(reports[0] !== reports[1], "two reports")
    ]
  })
} satisfies Record<string, Case>

export type Name = keyof typeof cases
