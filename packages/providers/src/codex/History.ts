/** The conversations that Codex stores (0.169: `thread/list`, `thread/read`, `thread/turns/list`). Each read starts a separate process. */
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import { ProviderError, type NativeHistory, type NativeTurn } from "@millrace/contracts/ProviderAdapter"
import type { NativeThread } from "@millrace/contracts/Import"
import { homedir } from "node:os"
import { Chunk, Effect, Option, Schema, Scope, Stream } from "effect"
import { isRecord, loose, stringAt } from "../Fields.ts"
import { Ledger } from "../process/Ledger.ts"
import * as RpcChild from "../process/RpcChild.ts"
import * as Conversation from "./Conversation.ts"
import * as Failures from "./Failures.ts"
import { itemContent, itemKind, itemStatus } from "./Items.ts"
import * as Process from "./Process.ts"
import * as Rollout from "./Rollout.ts"
import { Turn } from "./Wire.ts"

/** Turns per page. A page with all its items is one line of JSON. */
const pageTurns = 5
const maxLineBytes = 64 * 1024 * 1024
/** Deadline of one page: Codex reads a long conversation from its file. */
const pageMillis = 60_000

const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))
const seconds = maybe(Schema.Number)
const Thread = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  preview: maybe(Schema.String),
  cwd: Schema.String,
  model: maybe(Schema.String),
  path: loose(Schema.String),
  historyMode: loose(Schema.String),
  createdAt: seconds,
  updatedAt: seconds
})
const ThreadsPage = Schema.Struct({ data: Schema.Array(Thread), nextCursor: maybe(Schema.String) })
const ReadAnswer = Schema.Struct({ thread: Thread })
const PastTurn = Schema.Struct({
  ...Turn.fields,
  startedAt: seconds,
  completedAt: seconds,
  items: Schema.Array(Schema.Unknown)
})
const TurnsPage = Schema.Struct({ data: Schema.Array(PastTurn), nextCursor: maybe(Schema.String) })

/** ISO 8601 of a Codex timestamp, which is in seconds since 1970. */
const time = (at: number | null | undefined): string | undefined =>
  typeof at === "number" && Number.isFinite(at) && Math.abs(at) < 8e12 ? new Date(at * 1000).toISOString() : undefined
const timed = <K extends string>(key: K, at: number | null | undefined): { readonly [k in K]?: string } => {
  const timeOf = time(at)
  return (timeOf === undefined ? {} : { [key]: timeOf }) as { readonly [k in K]?: string }
}

const threadOf = (thread: typeof Thread.Type): NativeThread => ({
  nativeThreadId: thread.id,
  title: cut((thread.name ?? thread.preview ?? "").replaceAll(/\s+/g, " ").trim(), 200),
  cwd: thread.cwd,
  ...(thread.model ? { model: thread.model } : {}),
  ...timed("createdAt", thread.createdAt),
  ...timed("updatedAt", thread.updatedAt)
})

/** Maps an item as `Mapping` maps live ones; empty for a value without type or id. */
const itemOf = (raw: unknown): ReadonlyArray<NativeTurn["items"][number]> => {
  const type = stringAt(raw, "type")
  const id = stringAt(raw, "id")
  if (type === undefined || id === undefined || !isRecord(raw)) return []
  const item = { type, id, raw }
  return [{ nativeItemId: id, kind: itemKind(item), content: itemContent(item), ...itemStatus(item) }]
}

const turnOf = (turn: typeof PastTurn.Type): NativeTurn => ({
  nativeTurnId: turn.id,
  // An unknown status is not a success (T11).
  status:
    turn.status === "completed" || turn.status === "interrupted"
      ? turn.status
      : turn.status === "inProgress"
        ? "running"
        : "failed",
  ...timed("startedAt", turn.startedAt),
  ...timed("endedAt", turn.completedAt),
  ...(turn.error ? { error: Failures.fromTurnError(turn.error) } : {}),
  items: turn.items.flatMap(itemOf)
})

const omits =
  "Codex does not report the commands, file changes, tool calls and searches of this conversation, and the file of the conversation could not be read: they are missing here."

/** Item kinds that `omits` names: the agent's tool work. */
const works: ReadonlySet<string> = new Set(["command", "file-change", "tool-call", "web-search"])

/** The turn with the additional items of the rollout file. */
const withWork = (turn: typeof PastTurn.Type, work: Rollout.Work): NativeTurn => {
  const reported = turnOf(turn)
  const reportedIds = new Set(turn.items.map((raw) => stringAt(raw, "id")))
  const at = (index: number) =>
    work
      .filter(({ after }) => after === index)
      .flatMap(({ item: { id, raw } }) => itemOf(reportedIds.has(id) ? { ...raw, id: `${id} (call)` } : raw))
  // An item that cannot be mapped still counts for the position of the others.
  const items = [...at(0), ...turn.items.flatMap((raw, index) => [...itemOf(raw), ...at(index + 1)])]
  return { ...reported, items }
}

/** Starts Codex for reading history. Unlike a session it needs no project directory, because no turn runs. */
const started = (binary: string, options: Process.CodexOptions) =>
  Effect.gen(function* () {
    const child = yield* RpcChild.open({
      provider: "codex",
      command: binary,
      args: Process.probeArgs,
      cwd: options.home ?? homedir(),
      env: Process.environment(options, process.env),
      threadId: "history",
      epoch: 0,
      install: Process.notInstalled,
      dialect: "bare",
      lineLimitBytes: maxLineBytes
    })
    yield* Conversation.handshake(child)
    return child
  })

const ask = <A, I>(child: RpcChild.RpcChild, method: string, params: unknown, schema: Schema.Schema<A, I>) =>
  Effect.flatMap(child.request(method, params, { deadlineMillis: pageMillis }), Conversation.answered(method, schema))

const missing = (options: Process.CodexOptions) =>
  new ProviderError({
    provider: "codex",
    operation: "history",
    outcome: "failed",
    failure: { kind: "not-installed", message: Process.missing(options, process.env) }
  })

/** The ledger records each process that it starts. */
export const make = (options: Process.CodexOptions, ledger: typeof Ledger.Service): NativeHistory => {
  const open = Effect.flatMap(
    Effect.suspend(() => Process.find(options, process.env)),
    (binary) => started(binary, options)
  ).pipe(
    Effect.catchTag("NoSuchElementException", () => Effect.fail(missing(options))),
    Effect.provideService(Ledger, ledger)
  )
  return {
    list: Effect.fn("Codex.history.list")(function* ({ cwd, limit }) {
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const child = yield* open
          const found: Array<NativeThread> = []
          let cursor: string | null | undefined
          do {
            const where = { limit: Math.min(50, limit - found.length), modelProviders: [], ...(cursor ? { cursor } : {}) }
            const page = yield* ask(child, "thread/list", { ...where, ...defined({ cwd }) }, ThreadsPage)
            found.push(...page.data.map(threadOf))
            cursor = page.data.length === 0 ? undefined : page.nextCursor
          } while (cursor && found.length < limit)
          return found.slice(0, limit)
        })
      )
    }),
    read: Effect.fn("Codex.history.read")(function* (nativeThreadId) {
      const child = yield* open
      const { thread } = yield* ask(child, "thread/read", { threadId: nativeThreadId, includeTurns: false }, ReadAnswer)
      let omitted = false
      // Opened for the first turn that needs it; closed with the scope.
      const scope = yield* Effect.scope
      const rollout = yield* Effect.cached(
        typeof thread.path === "string" ? Scope.extend(Rollout.make(thread.path), scope) : Effect.succeedNone
      )
      /** Adds the rollout file's items to a turn. A conversation in mode `paginated` is complete without them. */
      const whole = (turn: typeof PastTurn.Type) =>
        Effect.gen(function* () {
          const told = turnOf(turn)
          if (thread.historyMode === "paginated" || told.items.some(({ kind }) => works.has(kind))) return told
          const types = turn.items.map((raw) => stringAt(raw, "type") ?? "")
          const file = yield* rollout
          const work = Option.isSome(file) ? yield* file.value.work(turn.id, types) : Option.none()
          omitted ||= Option.isNone(work)
          return Option.match(work, { onNone: () => told, onSome: (found) => withWork(turn, found) })
        })
      const turns = Stream.paginateChunkEffect(Option.none<string>(), (cursor) => {
        const from = Option.match(cursor, { onNone: () => ({}), onSome: (at) => ({ cursor: at }) })
        const how = { limit: pageTurns, sortDirection: "asc", itemsView: "full" }
        return Effect.gen(function* () {
          const page = yield* ask(child, "thread/turns/list", { threadId: nativeThreadId, ...how, ...from }, TurnsPage)
          const data = yield* Effect.forEach(page.data, whole)
          return [
            Chunk.fromIterable(data),
            Option.map(
              Option.filter(Option.fromNullable(page.nextCursor), () => page.data.length > 0),
              Option.some
            )
          ] as const
        })
      })
      return { thread: threadOf(thread), turns, omitted: Effect.sync(() => (omitted ? omits : undefined)) }
    })
  }
}
