/**
 * The sessions of MCP clients. Bounded in number; a session that is idle for 30 minutes, whose token ended, or whose client ended it is closed. The drain of the
 * server closes all of them.
 */
import { Clock, Duration, Effect, ExecutionStrategy, Exit, Scope } from "effect"
import { make as makePermits } from "@millrace/contracts/Permits"
import { Overloaded, ShuttingDown } from "@millrace/contracts/Errors"
import { Waiters } from "@millrace/log/Waiters"
import type { Session } from "../auth/Session.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"
import * as McpSession from "./McpSession.ts"
import { SessionTokens } from "./SessionTokens.ts"

/** Most sessions of the server. One more closes the session that was idle for the longest time. */
const maxSessions = 256
const idleTime = Duration.minutes(30)

interface Held extends McpSession.McpSession {
  readonly owner: string
  readonly session: Session["Type"]
  readonly scope: Scope.CloseableScope
  /** Responses that the client has not read to their end. */
  open: number
  usedAt: number
}

const full = new Overloaded({
  message: `The server has ${maxSessions} sessions of MCP clients in use. Try again when one has ended.`,
  retryAfterMillis: 5000
})

const shuttingDown = new ShuttingDown({
  message: "The server is shutting down. Begin a session when it has restarted.",
  retryAfterMillis: 2000
})

/** Who owns a session: a token, or without authentication every client of this machine. */
const ownerOf = ({ actor, tokenId }: Session["Type"]): string => tokenId ?? actor

/** Lives in the scope. `load`: the SDK. */
export const make = Effect.gen(function* () {
  const scheduler = yield* SubscriberScheduler
  const parent = yield* Effect.scope
  const held = new Map<string, Held>()
  const waiters = new Waiters<() => boolean>()

  const close = (one: Held) =>
    Effect.suspend(() => {
      held.delete(one.id)
      return Scope.close(one.scope, Exit.void)
    })
  const closeWhere = (ends: (one: Held) => boolean) =>
    Effect.suspend(() => Effect.forEach([...held.values()].filter(ends), close, { discard: true }))
  const isIdle = (now: number) => (one: Held) => one.open === 0 && now - one.usedAt >= Duration.toMillis(idleTime)

  /** Closes a session when its calls in flight are answered (S2). The drain bounds the wait: it cuts the connections. */
  const finish = (one: Held) =>
    Effect.zipRight(
      Effect.zipRight(
        one.endNotifications,
        Effect.suspend(() => {
          const isAnswered = () => one.open === 0
          return waiters.wait(isAnswered, isAnswered)
        })
      ),
      close(one)
    )

  const ofAgents = yield* Effect.serviceOption(SessionTokens)
  let ended = 0
  const nextEnd = ofAgents._tag === "None" ? Effect.never : Effect.suspend(() => ofAgents.value.awaitEnd(ended))
  const countEnds = Effect.sync(() => void (ended = ofAgents._tag === "None" ? 0 : ofAgents.value.ended()))

  // Woken when a token changes or ends, with each heartbeat, and when the drain begins.
  yield* Effect.suspend(() => Effect.raceFirst(scheduler.awaitChange, nextEnd)).pipe(
    Effect.zipRight(countEnds),
    Effect.zipRight(Clock.currentTimeMillis),
    Effect.flatMap((now) => closeWhere((one) => one.session.ended?.() !== undefined || isIdle(now)(one))),
    Effect.repeat({ until: () => scheduler.closing() }),
    Effect.zipRight(
      Effect.suspend(() => Effect.forEach([...held.values()], finish, { concurrency: maxSessions, discard: true }))
    ),
    Effect.forkScoped
  )

  const oneOpening = makePermits(1)
  const makeRoom = Effect.suspend((): Effect.Effect<void, Overloaded | ShuttingDown> => {
    if (scheduler.closing()) return shuttingDown
    if (held.size < maxSessions) return Effect.void
    const [oldest] = [...held.values()].filter(({ open }) => open === 0).toSorted((a, b) => a.usedAt - b.usedAt)
    return oldest === undefined ? full : close(oldest)
  })

  return {
    /** Begins a session. */
    open: (session: Session["Type"]) =>
      oneOpening(
        Effect.gen(function* () {
          yield* makeRoom
          const sdk = yield* Effect.promise(() => import("./Sdk.ts"))
          const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
          const made = yield* Scope.extend(McpSession.make(sdk, session), scope)
          const one: Held = { ...made, owner: ownerOf(session), session, scope, open: 0, usedAt: yield* Clock.currentTimeMillis }
          held.set(one.id, one)
          // The drain began meanwhile, and has not seen this session.
          if (scheduler.closing()) yield* Effect.forkIn(finish(one), parent)
          return one
        }).pipe(Effect.uninterruptible)
      ),
    /** The session with this id, if this client began it. */
    find: (id: string, session: Session["Type"]): Held | undefined => {
      const found = held.get(id)
      return found !== undefined && found.owner === ownerOf(session) ? found : undefined
    },
    /** Counts a response from now until the scope closes. */
    use: (one: Held) =>
      Effect.acquireRelease(
        Effect.sync(() => void one.open++),
        () =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            one.open--
            one.usedAt = now
            waiters.wake((holds) => holds())
          })
      ),
    close
  }
})
