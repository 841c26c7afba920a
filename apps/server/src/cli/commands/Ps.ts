/** `millrace ps`: lists the agent processes of a data directory, with the thread of each and the reason for which it is alive. */
import * as Command from "@effect/cli/Command"
import { Clock, Effect, Option } from "effect"
import { ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import { size, span } from "../terminal/Amounts.ts"
import * as AgentProcesses from "../../AgentProcesses.ts"
import * as Connect from "../client/Connect.ts"
import * as Discovery from "../client/Discovery.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Text from "../terminal/Style.ts"

/** Formats an age in milliseconds. A negative age (the clock was set back) counts as 0. */
const age = (millis: number): string => span(Math.max(0, millis / 1000))

/** Why a process is alive. `thread`: `undefined` if the server does not know the thread. */
export const why = (child: AgentProcesses.AgentProcess, thread: ThreadView | undefined, now: number): string => {
  if (!child.alive) return "dead; the server is removing its record"
  const session = thread?.session
  if (thread === undefined || session === undefined) return "it has no session; it is being ended"
  if (session.epoch !== child.epoch) return `its epoch ${child.epoch} has ended; it is being ended`
  if (session.status === "stopped" || session.status === "error") return "its session has ended; it is being ended"
  if (thread.stopping !== undefined) return `it is being ended: ${thread.stopping}`
  if (thread.openRequestIds.length > 0) return `waits for a person: ${thread.openRequestIds.join(" ")}`
  if (thread.activeTurnId !== undefined) return `${session.status === "starting" ? "starts for" : "runs"} ${thread.activeTurnId}`
  if (thread.backgroundIds !== undefined) return `background work: ${thread.backgroundIds.join(" ")}`
  if (thread.queuedTurnIds.length > 0) return `turns in its queue: ${thread.queuedTurnIds.length}`
  return `idle for ${age(now - Date.parse(thread.updatedAt))}`
}

const orphaned = ({ alive }: AgentProcesses.AgentProcess): string =>
  alive ? "left over from an earlier server; the next start ends it" : "dead; the next start removes its record"

/** The server's view of a thread. `undefined` if the query fails. */
const threadOf = (connected: Connect.Connected, id: string) =>
  connected.millrace.thread(ThreadId.make(id)).pipe(Effect.option, Effect.map(Option.getOrUndefined))

export const command = Command.make("ps", { json: Flags.json, data: Flags.data }, ({ data, json }) =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const children = yield* AgentProcesses.list(data)
    // No embedded host: its start would end the leftover processes that this command must show.
    const running = Option.isSome(yield* Discovery.find(data))
    const connected = running ? yield* Connect.server({ dataDir: data, url: undefined }) : undefined
    const now = yield* Clock.currentTimeMillis
    const found = yield* Effect.forEach(
      children,
      (child) =>
        connected === undefined
          ? Effect.succeed({ child, thread: undefined, reason: orphaned(child) })
          : Effect.map(threadOf(connected, child.threadId), (thread) => ({ child, thread, reason: why(child, thread, now) })),
      { concurrency: 8 }
    )
    if (json)
      return yield* Output.json({
        server: connected?.address ?? null,
        processes: found.map(({ child, reason, thread }) =>
          Object.assign({}, child, {
            startedAt: new Date(child.startedAt).toISOString(),
            ageMillis: Math.round(now - child.startedAt),
            provider: thread?.provider,
            title: thread?.title,
            why: reason
          })
        )
      })
    const { outStyle: style } = output
    const heads = ["PID", "PROVIDER", "THREAD", "EPOCH", "AGE", "MEMORY", "WHY"].map(style.dim)
    const rows = found.map(({ child, reason, thread }) => [
      child.alive ? String(child.pid) : style.dim(String(child.pid)),
      thread?.provider ?? "-",
      child.threadId,
      String(child.epoch),
      age(now - child.startedAt),
      child.memoryBytes === undefined ? "-" : size(child.memoryBytes),
      Text.line(reason, 200)
    ])
    const held = found.reduce((sum, { child }) => sum + (child.memoryBytes ?? 0), 0)
    if (rows.length > 0) {
      yield* output.out(Output.table([heads, ...rows], output.width))
      return yield* output.note(`Total memory: ${size(held)}.`)
    }
    yield* output.note("No agent processes.")
  })
).pipe(Command.withDescription("List agent processes: thread, epoch, age, memory, and why each is alive."))
