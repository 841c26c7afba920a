/**
 * One latch for all followers: opened when their stream may have more, when an agent told a signal, when a heartbeat is due, when a token changed and
 * when the server drains. It says "look again", never what (D1): a wake-up too many costs a read, one too few costs at most one heartbeat.
 */
import { Clock, Context, Effect, Layer, type Scope } from "effect"
import { threadStream } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import { Signals } from "@millrace/orchestration/Signals"
import { Tokens } from "../auth/Tokens.ts"

/** Time between heartbeats, as docs/interface.md says. */
export const heartbeat = "15 seconds"
/** After a wave of followers the next one waits this many times what it took, at most so many milliseconds. */
const share = 2
const longestPause = 8
/** And as long as every turn of the event loop commits: the writer comes first, followers have a twentieth of the time until it rests. */
const busyShare = 20
const longestBusyPause = 600
/** How often the token file is looked at for live streams: revoke ends them within a second (X3). */
const tokenCheck = "400 millis"

export class Wake extends Context.Tag("@millrace/server/Wake")<
  Wake,
  {
    /**
     * Returns when there may be something new for this stream (all streams without one) beyond `seen`, a position that was read; also soon
     * after `expires` (milliseconds of the Clock), and when there are signals beyond `heard`.
     */
    readonly next: (seen: number, stream?: string, expires?: number, heard?: number) => Effect.Effect<void>
    /**
     * Before each page: returns when readers may have the time. While the writer has all it can do they take turns of their own; nobody waits when
     * a token changed or the server drains.
     */
    readonly turn: Effect.Effect<void>
    readonly signals: Pick<typeof Signals.Service, "since">
    /** The head of the last wave: a follower at the head reads no further until the next one. */
    readonly head: () => number
    /** Counts heartbeats: a follower that saw another number owes one to its client. */
    readonly beats: () => number
    readonly closing: () => boolean
    /** From now on followers deliver to the head and end (S3). */
    readonly close: Effect.Effect<void>
    /** Followers that wait at this moment. */
    readonly waiting: () => number
  }
>() {}

const make: Effect.Effect<Wake["Type"], never, EventLog | Signals | Tokens | Scope.Scope> = Effect.gen(function* () {
  const log = yield* EventLog
  const tokens = yield* Tokens
  const signals = yield* Signals
  /** What wakes each, and when it wants to be woken at the latest. */
  const waiters = new Map<string | undefined, Map<() => void, number>>()
  let head = yield* log.head
  let beats = 0
  let closing = false
  let revision = -1

  const open = (stream: string | undefined) => {
    const set = waiters.get(stream)
    if (set === undefined) return
    waiters.delete(stream)
    for (const resume of set.keys()) resume()
  }
  /** After a wave that took long, until the next one: who wants a page waits for its turn in here. */
  let holding = false
  const turns = new Set<() => void>()
  const openTurns = () => {
    for (const resume of turns) resume()
    turns.clear()
  }
  const openAll = Effect.sync(() => {
    for (const stream of waiters.keys()) open(stream)
    openTurns()
  })

  /** Those whose time is over. */
  const openLate = Effect.map(Clock.currentTimeMillis, (now) => {
    for (const [stream, set] of waiters) {
      for (const [resume, expires] of set) {
        if (expires > now) continue
        set.delete(resume)
        resume()
      }
      if (set.size === 0) waiters.delete(stream)
    }
  })

  /** Which streams moved between the known head and the new one; everybody when that cannot be read. */
  const announce = Effect.gen(function* () {
    if (waiters.size === (waiters.has(undefined) ? 1 : 0)) {
      head = yield* log.head
      // Everybody: a follower of one stream may have come while the head was asked for.
      return yield* openAll
    }
    const page = yield* log.read({ after: head })
    head = page.upTo
    open(undefined)
    for (const event of page.events) open(event.stream)
  }).pipe(
    Effect.catchAll(() =>
      Effect.zipRight(
        Effect.flatMap(log.head, (now) => Effect.sync(() => (head = now))),
        openAll
      )
    )
  )

  /** Milliseconds that the writer has spent in transactions. */
  const committing = Effect.map(log.stats, ({ perBatch }) => perBatch.seconds.sum * 1000)
  const millisSince = (nanos: bigint) => Effect.map(Clock.currentTimeNanos, (now) => Number(now - nanos) / 1e6)

  /**
   * One wave at a time. After one that took long (many followers) the next one waits, so that it carries more events to each of them; while the
   * writer has all it can do it waits longer, so that followers do not slow it. A commit after a rest is announced at once.
   */
  const wave = Effect.gen(function* () {
    yield* Effect.suspend(() => log.awaitBeyond(head))
    const started = yield* Clock.currentTimeNanos
    const before = yield* committing
    yield* announce
    // Whom it woke runs in this turn of the event loop; what they wrote is sent at its end.
    yield* Effect.yieldNow()
    yield* Effect.yieldNow()
    const millis = (yield* millisSince(started)) - ((yield* committing) - before)
    if (millis < 1) return
    holding = true
    yield* Effect.sleep(Math.min(share * millis, longestPause))
    const longest = Math.min((busyShare + 1) * millis, longestBusyPause)
    for (let last = -1, now = yield* log.head; now !== last && (yield* millisSince(started)) < longest; now = yield* log.head) {
      last = now
      yield* Effect.yieldNow()
    }
    holding = false
    openTurns()
  })

  let told = signals.place()
  const signalled = Effect.sync(() => {
    const fresh = signals.since(told)
    told = fresh.place
    if (fresh.signals.length > 0) open(undefined)
    for (const { threadId } of fresh.signals) open(threadStream(threadId))
  })

  yield* wave.pipe(Effect.forever, Effect.forkScoped)
  yield* Effect.suspend(() => signals.beyond(told)).pipe(Effect.zipRight(signalled), Effect.forever, Effect.forkScoped)
  yield* Effect.sleep(heartbeat).pipe(
    Effect.zipRight(Effect.sync(() => beats++)),
    Effect.zipRight(openAll),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.sleep(tokenCheck).pipe(
    Effect.zipRight(openLate),
    // When the file cannot be read the live streams stay: their tokens were good.
    Effect.zipRight(Effect.orElseSucceed(tokens.revision, () => revision)),
    Effect.flatMap((now) => {
      if (now === revision) return Effect.void
      revision = now
      return openAll
    }),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    next: (seen, stream, expires = Number.POSITIVE_INFINITY, heard = Number.POSITIVE_INFINITY) =>
      Effect.async<void>((resume) => {
        if (head > seen || closing || signals.place() > heard) return resume(Effect.void)
        let set = waiters.get(stream)
        if (set === undefined) waiters.set(stream, (set = new Map()))
        const wake = () => resume(Effect.void)
        set.set(wake, expires)
        return Effect.sync(() => {
          set.delete(wake)
          if (set.size === 0 && waiters.get(stream) === set) waiters.delete(stream)
        })
      }),
    turn: Effect.async<void>((resume) => {
      if (!holding || closing) return resume(Effect.void)
      const go = () => resume(Effect.void)
      turns.add(go)
      return Effect.sync(() => turns.delete(go))
    }),
    signals,
    head: () => head,
    beats: () => beats,
    closing: () => closing,
    close: Effect.zipRight(
      Effect.sync(() => {
        closing = true
      }),
      openAll
    ),
    waiting: () => [...waiters.values()].reduce((sum, set) => sum + set.size, 0)
  }
})

export const layer: Layer.Layer<Wake, never, EventLog | Signals | Tokens> = Layer.scoped(Wake, make)
