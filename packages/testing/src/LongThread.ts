/**
 * Writes a thread with a long history into a data directory that no server has open. It uses the engine's own rules for legal events and
 * for read models, without an agent, so that `millrace verify` finds no error.
 */
import type { DataOf, EventType } from "@millrace/contracts/Event"
import { ItemId, ProjectId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { onlyModel } from "@millrace/contracts/Settable"
import type { ItemContent } from "@millrace/contracts/Item"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import type { Envelope } from "@millrace/log/EventLog"
import { Draft, type DecisionContext, type StateReader } from "@millrace/orchestration/internal/decide/Draft"
import type { ProjectState } from "@millrace/orchestration/internal/state/ProjectState"
import type { ThreadState } from "@millrace/orchestration/internal/state/ThreadState"
import { Effect } from "effect"
import { join } from "node:path"

export const threadId = ThreadId.make("thr_long")
const projectId = ProjectId.make("prj_long")
const epoch = 1

/** Item `n` of the thread: messages with Markdown and code, thoughts, commands with output. */
const content = (n: number): { readonly kind: string; readonly whole: ItemContent } => {
  switch (n % 4) {
    case 0:
      return { kind: "reasoning", whole: { text: `Thought ${n}: the water is **high** today.` } }
    case 1: {
      const lines = Array.from({ length: n % 9 }, (_, line) => `file-${n}-${line}.ts\n`).join("")
      return { kind: "command", whole: { command: `ls part-${n}`, output: lines, exitCode: 0, durationMillis: n % 500 } }
    }
    case 2:
      return {
        kind: "agent-message",
        whole: { text: `Item ${n} has a list:\n\n1. the gate\n2. the **race**\n\n\`\`\`ts\nconst n = ${n} // <b>&\n\`\`\`\n` }
      }
    default:
      return {
        kind: "agent-message",
        whole: { text: `Item ${n}: ${"every drop of the current, once, in order. ".repeat(1 + (n % 5))}` }
      }
  }
}

/** Writes `items` items in turns of `perTurn`; the last turn has ended and the session is stopped. */
export const write = (options: {
  readonly dataDir: string
  readonly items: number
  readonly perTurn: number
  readonly cwd: string
}) =>
  Effect.gen(function* () {
    const log = yield* EventLogSqlite.make({ file: join(options.dataDir, "log.db"), synchronous: "NORMAL" })
    let thread: ThreadState | undefined
    let project: ProjectState | undefined
    let seconds = 0
    const world: StateReader = {
      thread: () => thread,
      project: () => project,
      projectAt: () => undefined,
      threadOfRequest: () => undefined,
      knowsTurn: () => false,
      threadsOf: () => []
    }
    /** The contents of one envelope. */
    const draft = (
      name: string,
      write: (emit: <T extends EventType>(type: T, data: DataOf<T>) => void, draft: Draft) => void
    ): Envelope => {
      const moment: DecisionContext = {
        at: new Date(1_790_000_000_000 + seconds++ * 1_000).toISOString(),
        seed: name,
        paused: false,
        providers: new Map([["demo", onlyModel]])
      }
      const one = new Draft(world, moment)
      write((type, data) => {
        if (!one.emit(threadId, type, data)) throw new Error(`${type} is not legal in ${name}`)
      }, one)
      thread = one.thread(threadId)
      project = one.project(projectId)
      return one.envelope
    }
    const begin = draft("begin", (emit, one) => {
      one.emitProject("project.created", { projectId, cwd: options.cwd, title: "Long" })
      emit("thread.created", { threadId, projectId, provider: "demo", title: "A long thread", cwd: options.cwd })
      emit("session.started", { threadId, provider: "demo", epoch, status: "starting" })
      emit("session.state.changed", { threadId, epoch, status: "ready" })
    })
    yield* log.append([begin])
    for (let first = 0; first < options.items; first += options.perTurn) {
      const turnId = TurnId.make(`trn_long_${first}`)
      const turn = { threadId, turnId }
      const text = `Prompt ${first}`
      const item = (
        emit: <T extends EventType>(type: T, data: DataOf<T>) => void,
        n: number,
        kind: string,
        whole: ItemContent
      ) => {
        const of = { ...turn, itemId: ItemId.make(`itm_long_${n}`), kind }
        emit("item.started", whole.command === undefined ? of : { ...of, command: whole.command })
        emit("item.completed", { ...of, ...whole, status: "completed" })
      }
      const envelope = draft(turnId, (emit) => {
        emit("turn.requested", { ...turn, text, strategy: "enqueue" })
        emit("turn.dispatched", turn)
        emit("session.state.changed", { threadId, epoch, status: "running", activeTurnId: turnId })
        emit("turn.started", { ...turn, origin: "user" })
        item(emit, first, "user-message", { text })
        for (let n = first + 1; n < Math.min(first + options.perTurn, options.items); n++) {
          const { kind, whole } = content(n)
          item(emit, n, kind, whole)
        }
        emit("turn.completed", { ...turn, usage: { inputTokens: 1_000, outputTokens: 200 } })
        emit("session.state.changed", { threadId, epoch, status: "ready" })
      })
      yield* log.append([envelope])
    }
    yield* log.append([draft("end", (emit) => emit("session.stopped", { threadId, epoch, status: "stopped", reason: "idle" }))])
  }).pipe(Effect.scoped)
