/**
 * Mistakes that were seen in systems of this field, one at a time, between the log and the transports of the product. None of
 * them is product code. The chaos test must find each (D1, D2, D4, D13); if it does not, no test holds the invariant.
 */
import { isTerminal } from "@millrace/contracts/Event"
import { prepare } from "@millrace/log/internal/Batch"
import type { Page } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Chunk, Effect, Either, Option, PubSub, Stream } from "effect"
import type { Mutant } from "../MutantRunner.ts"
import type { Log, Subject } from "./World.ts"

type Query = Parameters<Log["follow"]>[0]

const only = (page: Page, stream: string | undefined): Page =>
  stream === undefined ? page : { ...page, events: page.events.filter((event) => event.stream === stream) }

/** Reads small pages from the table up to the head. */
const replay = (log: Log, query: Query) =>
  Stream.paginateChunkEffect(query.after, (after) =>
    Effect.map(
      log.read({ ...query, after, limit: 4 }),
      (page) => [Chunk.of(page), page.upTo < page.head ? Option.some(page.upTo) : Option.none<number>()] as const
    )
  )

/**
 * Broadcasts committed events to the current listeners, in the wake-up itself. Unbounded: a run has a few hundred events, and a full hub
 * would be another mistake.
 */
const broadcasting = (log: Log) =>
  Effect.map(PubSub.unbounded<Page>(), (hub) => ({
    append: (envelopes: Parameters<Log["append"]>[0]) =>
      Effect.tap(log.append(envelopes), (committed) => {
        const after = (committed[0]?.first ?? 1) - 1
        return Effect.flatMap(Effect.orDie(log.read({ after, limit: 10_000 })), (page) => PubSub.publish(hub, page))
      }),
    hub,
    live: (query: Query) =>
      Stream.fromPubSub(hub).pipe(
        Stream.map((page) => only(page, query.stream)),
        Stream.filter((page) => page.events.length > 0)
      )
  }))

/** Replays first and listens afterwards: misses events that are committed in between. */
const subscribeAfterReplay = (log: Log) =>
  Effect.map(broadcasting(log), ({ append, live }) => ({
    ...log,
    append,
    follow: (query: Query) => Stream.concat(replay(log, query), live(query))
  }))

/** Listens and replays at the same time: delivers events of both sources twice. */
const twoSourcesAtOnce = (log: Log) =>
  Effect.map(broadcasting(log), ({ append, live }) => ({
    ...log,
    append,
    follow: (query: Query) => Stream.merge(live(query), replay(log, query))
  }))

/** Delivers events before they are stored: if the storage rejects them or the process dies, they never existed. */
const deliverBeforeCommit = (log: Log) =>
  Effect.map(broadcasting(log), ({ hub, live }) => {
    const expected = (envelopes: Parameters<Log["append"]>[0]) =>
      Effect.orDie(
        Effect.map(log.query({ all: Query.events({ after: 0, limit: 100_000 }) }), ({ all, head }) => {
          const versionOf = (stream: string) => all.events.filter((event) => event.stream === stream).length
          return Either.map(prepare(envelopes), (batch) => batch.place(head, versionOf))
        })
      )
    return {
      ...log,
      append: (envelopes: Parameters<Log["append"]>[0]) =>
        Effect.gen(function* () {
          const { after, events, head } = yield* Effect.flatten(expected(envelopes))
          yield* PubSub.publish(hub, { after, upTo: head, head, events, generation: 0 })
          yield* Effect.yieldNow()
          return yield* log.append(envelopes)
        }),
      follow: (query: Query) =>
        Stream.unwrapScoped(
          Effect.map(PubSub.subscribe(hub), (early) => {
            let position = query.after
            return Stream.merge(
              replay(log, query),
              Stream.map(Stream.fromQueue(early), (page) => only(page, query.stream))
            ).pipe(
              Stream.map((page) => ({ ...page, events: page.events.filter(({ offset }) => offset > position) })),
              Stream.tap((page) => Effect.sync(() => (position = Math.max(position, page.events.at(-1)?.offset ?? 0)))),
              Stream.concat(live(query))
            )
          })
        )
    }
  })

const withoutTerminals = (page: Page): Page => ({ ...page, events: page.events.filter(({ type }) => !isTerminal(type)) })

/** A filter that keeps the most frequent event types of a stream and drops the event that ends a turn. */
const filterEatsTerminal = (log: Log) =>
  Effect.succeed<Log>({
    ...log,
    read: (query) => (query.stream === undefined ? log.read(query) : Effect.map(log.read(query), withoutTerminals)),
    follow: (query) => (query.stream === undefined ? log.follow(query) : Stream.map(log.follow(query), withoutTerminals))
  })

/** Resumes after the time of the last event: skips other events of the same millisecond. */
const cursorFromTime = (log: Log) => {
  const laterThan = (after: number) =>
    Effect.map(log.query({ page: Query.events({ after: after - 1, limit: 10_000 }) }), ({ page }) => {
      const at = (json: string) => (JSON.parse(json) as { readonly at: string }).at
      const [last, ...later] = after === 0 ? [] : page.events
      if (last === undefined) return after
      return later.findLast(({ json }) => at(json) === at(last.json))?.offset ?? after
    })
  return Effect.succeed<Log>({
    ...log,
    read: (query) => Effect.flatMap(laterThan(query.after), (after) => log.read({ ...query, after })),
    follow: (query) => Stream.unwrap(Effect.map(laterThan(query.after), (after) => log.follow({ ...query, after })))
  })
}

/** Reads the head and subscribes afterwards: a commit in between wakes no subscriber. */
const headWithoutLatch = (log: Log) =>
  Effect.sync((): Log => {
    let waiting: Array<() => void> = []
    const awaitBeyond = (offset: number): Effect.Effect<void> =>
      Effect.flatMap(log.head, (head) =>
        head > offset
          ? Effect.void
          : Effect.zipRight(
              // Subscribing takes a few event-loop turns on every platform.
              Effect.repeatN(Effect.yieldNow(), 3),
              Effect.async<void>((resume) => {
                waiting.push(() => resume(awaitBeyond(offset)))
              })
            )
      )
    return {
      ...log,
      awaitBeyond,
      append: (envelopes) =>
        Effect.tap(log.append(envelopes), () =>
          Effect.sync(() => {
            const now = waiting
            waiting = []
            for (const wake of now) wake()
          })
        ),
      follow: (query) =>
        Stream.paginateChunkEffect(query.after, (after) =>
          Effect.zipRight(
            awaitBeyond(after),
            Effect.map(log.read({ ...query, after }), (page) => [Chunk.of(page), Option.some(page.upTo)] as const)
          )
        )
    }
  })

/** A small queue per reader that drops what does not fit: slow readers lose pages. */
const dropWhenFull = (log: Log) =>
  Effect.succeed<Log>({
    ...log,
    follow: (query) => log.follow(query).pipe(Stream.bufferChunks({ capacity: 1, strategy: "dropping" }))
  })

/** Reads the page and its header separately: a commit in between is in the header and not in the body. */
const headerApartFromBody = (log: Log) =>
  Effect.succeed<Log>({
    ...log,
    read: (query) =>
      Effect.gen(function* () {
        const page = yield* log.read(query)
        if (page.upTo < page.head) return page
        yield* Effect.yieldNow()
        const head = yield* log.head
        return { ...page, upTo: head, head }
      })
  })

export const mutants: ReadonlyArray<Subject & Mutant> = [
  { name: "subscribe-after-replay", promise: "D2", wrap: subscribeAfterReplay },
  { name: "deliver-before-commit", promise: "L2", wrap: deliverBeforeCommit },
  { name: "filter-eats-terminal", promise: "D13", wrap: filterEatsTerminal },
  { name: "cursor-from-time", promise: "D3", wrap: cursorFromTime },
  { name: "head-without-latch", promise: "D1", wrap: headWithoutLatch },
  { name: "drop-when-full", promise: "D2", wrap: dropWhenFull },
  { name: "two-sources-at-once", promise: "D1", wrap: twoSourcesAtOnce },
  { name: "header-apart-from-body", promise: "D4", wrap: headerApartFromBody }
]
