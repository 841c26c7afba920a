/** decide and evolve without log or fibers: one state in memory. It keeps every event and checks the invariants after each step (T4). */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { onlyModel, type Settable } from "@millrace/contracts/Settable"
import type { Command, CommandResult } from "@millrace/contracts/Command"
import { defaults, type Policy } from "@millrace/orchestration/internal/state/Continuation"
import { type KnownBlobs, noBlobs } from "@millrace/orchestration/internal/decide/decideAttachments"
import { decideCommand } from "@millrace/orchestration/internal/decide/decideCommand"
import { decideFact } from "@millrace/orchestration/internal/decide/decideFact"
import { Draft, type StateReader } from "@millrace/orchestration/internal/decide/Draft"
import { evolve } from "@millrace/orchestration/internal/state/evolve"
import type { Fact } from "@millrace/orchestration/internal/decide/Fact"
import type { ProjectState } from "@millrace/orchestration/internal/state/ProjectState"
import { hasLiveSession, type ThreadState } from "@millrace/orchestration/internal/state/ThreadState"
import { violations } from "@millrace/orchestration/internal/state/violations"
import { Either } from "effect"

export class DecideModel implements StateReader {
  private readonly threads = new Map<ThreadId, ThreadState>()
  private readonly projects = new Map<ProjectId, ProjectState>()
  private readonly refolded = new Map<string, ThreadState | undefined>()
  readonly events: Array<DomainEvent> = []
  private readonly placed = new Map<string, { readonly parent: string; readonly value: unknown }>()
  paused = false
  policy: Policy = defaults
  /** The settings that the provider `scripted` accepts. */
  settable: Settable = onlyModel
  private steps = 0
  private now = 1_700_000_000_000

  /** The read models, by `collection/key`. */
  get rows(): ReadonlyMap<string, unknown> {
    return new Map(Array.from(this.placed, ([id, { value }]) => [id, value] as const))
  }

  /** Advances the time to this timestamp (ISO 8601) if it lies ahead. */
  passTo(at: string): void {
    this.now = Math.max(this.now, Date.parse(at))
  }

  readonly thread = (id: ThreadId) => this.threads.get(id)
  readonly project = (id: ProjectId) => this.projects.get(id)
  readonly projectAt = (cwd: string) => [...this.projects.values()].find((one) => one.cwd === cwd && !one.deleted)?.projectId
  readonly threadOfRequest = (id: RequestId) =>
    this.events.find((event) => event.type === "request.opened" && event.data.requestId === id) === undefined
      ? undefined
      : ([...this.threads.keys()][0] as ThreadId)
  readonly threadsOf = (id: ProjectId) =>
    Array.from(this.threads.values()).flatMap(({ deleted, projectId, threadId }) =>
      projectId === id && !deleted ? [threadId] : []
    )
  readonly knowsTurn = (_: ThreadId, id: TurnId) =>
    this.events.some((event) => "turnId" in event.data && event.data.turnId === id)

  private draft(): Draft {
    const step = ++this.steps
    this.now += 1000
    const at = new Date(this.now).toISOString()
    return new Draft(this, {
      at,
      seed: String(step).padStart(6, "0"),
      paused: this.paused,
      providers: new Map([
        ["scripted", this.settable],
        ["other", onlyModel]
      ]),
      policy: this.policy
    })
  }

  private keep(draft: Draft): ReadonlyArray<DomainEvent> {
    const before = this.events.length
    for (const change of draft.rows) {
      if (change.op === "delete-children") {
        for (const [id, { parent }] of this.placed)
          if (parent === change.parent && id.startsWith(`${change.collection}/`)) this.placed.delete(id)
        continue
      }
      const id = `${change.collection}/${change.key}`
      if (change.op === "put") this.placed.set(id, change)
      else this.placed.delete(id)
    }
    for (const { stream, type, data, at } of draft.events) {
      const event = { type, data } as DomainEvent
      this.events.push(event)
      if (stream.startsWith("thread/")) this.refolded.set(stream, evolve(this.refolded.get(stream), event, at))
    }
    for (const state of draft.changedProjects) this.projects.set(state.projectId, state)
    for (const state of draft.changedThreads) {
      this.threads.set(state.threadId, state)
      const found = violations(state)
      const free = state.session?.activeTurnId === undefined && !(hasLiveSession(state) && state.stopping !== undefined)
      if (free && state.queue.length > 0 && !this.paused && !state.deleted && state.continuation === undefined)
        throw new Error("T4 the queue does not continue")
      const idle = free && state.queue.length === 0 && Object.keys(state.turns).length === 0 && !this.paused && !state.archived
      if (idle && state.continuation === undefined && state.goal?.status === "active" && state.goal.nextAt === undefined)
        throw new Error("T4 an active goal does not continue")
      if (found.length > 0) throw new Error(found.join("; "))
      if (JSON.stringify(this.refolded.get(`thread/${state.threadId}`)) !== JSON.stringify(state))
        throw new Error("the state folded from the events differs from the state that the decision produced")
    }
    return this.events.slice(before)
  }

  /** The command's result, or the rule that rejected it. A rejection stores no events. */
  ask(
    command: Command,
    directory?: string,
    blobs: KnownBlobs = noBlobs,
    further: ReadonlyArray<string | undefined> = []
  ): Either.Either<CommandResult, string> {
    const draft = this.draft()
    const decided = decideCommand(draft, { command, actor: "tester", directory, blobs, further })
    if (Either.isRight(decided)) this.keep(draft)
    return Either.mapLeft(decided, (error) => error.rule)
  }

  tell(fact: Fact): ReadonlyArray<DomainEvent> {
    const draft = this.draft()
    decideFact(draft, fact)
    return this.keep(draft)
  }

  get only(): ThreadState {
    return [...this.threads.values()][0] as ThreadState
  }
}
