/**
 * Mistakes that were seen in comparable systems. Each replaces one function of the product. The model must find each; if it
 * does not, no test holds the invariant. None of this is product code.
 */
import { isTerminal } from "@millrace/contracts/Event"
import type { TurnId } from "@millrace/contracts/Ids"
import type * as DecideCommand from "@millrace/orchestration/internal/decide/decideCommand"
import type * as DecideContinuation from "@millrace/orchestration/internal/decide/decideContinuation"
import type * as DecideFact from "@millrace/orchestration/internal/decide/decideFact"
import type * as DecideSilence from "@millrace/orchestration/internal/decide/decideSilence"
import type { Draft } from "@millrace/orchestration/internal/decide/Draft"
import type * as Evolve from "@millrace/orchestration/internal/state/evolve"
import type { Fact } from "@millrace/orchestration/internal/decide/Fact"
import type * as Intent from "@millrace/orchestration/internal/sessions/Intent"
import type * as Lifecycle from "@millrace/orchestration/internal/decide/lifecycle"
import type * as Projection from "@millrace/orchestration/internal/readmodel/Projection"
import type * as SessionDriver from "@millrace/orchestration/internal/sessions/SessionDriver"
import type * as ThreadState from "@millrace/orchestration/internal/state/ThreadState"
import type * as ThreadRow from "@millrace/orchestration/internal/readmodel/ThreadRow"
import { Duration, Effect, Either } from "effect"
import { inModule, type ModuleMutant } from "../MutantRunner.ts"

const mutant = <Module>(name: string, promise: string, module: string, change: (right: Module) => Partial<Module>) =>
  inModule(name, promise, `orchestration/${module}`, change)

/** Adds an event without any check. */
const force = (draft: Draft, threadId: string, type: string, epoch: number, data: unknown): void =>
  void draft.events.push({ stream: `thread/${threadId}`, type, at: draft.context.at, epoch, data })

type AgentEvents = Extract<Fact, { _tag: "AgentEvents" }>
const saying =
  (change: (draft: Draft, fact: AgentEvents, right: typeof DecideFact.decideFact) => boolean) => (right: typeof DecideFact) => ({
    decideFact: (draft: Draft, fact: Fact) =>
      fact._tag === "AgentEvents" ? change(draft, fact, right.decideFact) : right.decideFact(draft, fact)
  })

export const mutants: ReadonlyArray<ModuleMutant> = [
  mutant<typeof DecideFact>(
    "an ended turn ends again",
    "T2",
    "decide/decideFact",
    saying((draft, fact, right) => {
      const { threadId, epoch } = fact
      for (const event of fact.events)
        if (event._tag === "TurnCompleted" && draft.thread(threadId)?.turns[event.turnId] === undefined)
          force(draft, threadId, "turn.completed", epoch, { threadId, turnId: event.turnId })
      return right(draft, fact)
    })
  ),
  mutant<typeof Lifecycle>("a new epoch leaves the old turn open", "T3", "decide/lifecycle", (right) => ({
    endSession: (draft, threadId, end) => {
      const epoch = draft.thread(threadId)?.session?.epoch ?? 0
      draft.emit(threadId, "session.stopped", { threadId, epoch, status: end.status, reason: end.reason })
      right.startNext(draft, threadId)
    }
  })),
  mutant<typeof DecideCommand>("the second answer wins", "T13", "decide/decideCommand", (right) => ({
    decideCommand: (draft, input) => {
      const { command } = input
      const threadId = command.type === "request.answer" ? draft.state.threadOfRequest(command.requestId) : undefined
      const thread = threadId === undefined ? undefined : draft.thread(threadId)
      if (command.type !== "request.answer" || thread === undefined || thread.requests[command.requestId] !== undefined)
        return right.decideCommand(draft, input)
      const turnId = (thread.session?.activeTurnId ?? "trn_none") as TurnId
      const { requestId, decision = "accept" } = command
      force(draft, thread.threadId, "request.answered", thread.session?.epoch ?? 0, {
        threadId: thread.threadId,
        turnId,
        requestId,
        by: "tester",
        decision
      })
      return Either.right({ threadId: thread.threadId, outcome: "answered" })
    }
  })),
  mutant<typeof ThreadRow>("the queue's order is lost in a crash", "T12", "readmodel/ThreadRow", (right) => ({
    load: (log, rows) =>
      Effect.map(right.load(log, rows), (states) =>
        states.map((state) => Object.assign({}, state, { queue: state.queue.toReversed() }))
      )
  })),
  mutant<typeof DecideSilence>("the timeout runs while a request is open", "T8", "decide/decideSilence", (right) => ({
    decideSilence: (draft, state, fact) => right.decideSilence(draft, { ...state, requests: {} }, fact)
  })),
  mutant<typeof DecideSilence>("the reaper ignores background work", "R1", "decide/decideSilence", (right) => ({
    decideSilence: (draft, state, fact) => right.decideSilence(draft, { ...state, background: [] }, fact)
  })),
  mutant<typeof DecideCommand>("an interrupt hits the next turn", "T7", "decide/decideCommand", (right) => ({
    decideCommand: (draft, input) => {
      const { command } = input
      const thread = command.type === "turn.interrupt" ? draft.thread(command.threadId) : undefined
      const isOver =
        command.type === "turn.interrupt" && command.turnId !== undefined && thread?.turns[command.turnId] === undefined
      if (!isOver || thread?.session?.activeTurnId === undefined || thread.queue.some(({ turnId }) => turnId === command.turnId))
        return right.decideCommand(draft, input)
      return right.decideCommand(draft, { ...input, command: { ...command, turnId: thread.session.activeTurnId } })
    }
  })),
  mutant<typeof Evolve>("a ready session keeps its turn", "T3", "state/evolve", (right) => ({
    evolve: (state, event, at) => {
      const next = right.evolve(state, event, at)
      const ended = isTerminal(event.type) && state?.session?.activeTurnId !== undefined && next?.session !== undefined
      if (!ended || next.session?.status !== "running") return next
      return { ...next, session: { ...next.session, activeTurnId: state.session.activeTurnId } }
    }
  })),
  mutant<typeof Projection>("a read model misses an edit", "L11", "readmodel/Projection", (right) => ({
    projectThread: (before, event, after, at) =>
      event.type === "turn.edited" || event.type === "queue.reordered" ? [] : right.projectThread(before, event, after, at)
  })),
  mutant<typeof DecideFact>("recovery forgets the queue", "T4", "decide/decideFact", (right) => ({
    decideFact: (draft, fact) => (fact._tag === "QueueReleased" ? false : right.decideFact(draft, fact))
  })),
  mutant<typeof DecideFact>(
    "an exit is a success",
    "T11",
    "decide/decideFact",
    saying((draft, fact, right) =>
      right(draft, {
        ...fact,
        events: fact.events.map((event) =>
          event._tag === "TurnFailed" && event.error.kind === "process" ? { _tag: "TurnCompleted", turnId: event.turnId } : event
        )
      })
    )
  ),
  mutant<typeof DecideFact>(
    "events of an old epoch are accepted",
    "T6",
    "decide/decideFact",
    saying((draft, fact, right) => right(draft, { ...fact, epoch: draft.thread(fact.threadId)?.session?.epoch ?? fact.epoch }))
  ),
  mutant<typeof DecideContinuation>(
    "an interrupted turn continues after a crash",
    "T5",
    "decide/decideContinuation",
    (right) => ({
      ownerLost: (draft, state, fact) => {
        const turns = Object.fromEntries(
          Object.entries(state.turns).map(([id, turn]) => [id, { ...turn, interruptRequested: false }])
        )
        return right.ownerLost(draft, { ...state, turns }, fact)
      }
    })
  ),
  mutant<typeof DecideContinuation>("recovery settles whatever the policy", "T5", "decide/decideContinuation", (right) => ({
    ownerLost: (draft, state, fact) => right.ownerLost(draft, { ...state, recovery: "settle" }, fact)
  })),
  mutant<typeof ThreadState>("a session keeps settings that it cannot change", "T17", "state/ThreadState", () => ({
    needsNewSession: () => false
  })),
  mutant<typeof SessionDriver>("a running session is not given changed settings", "T17", "sessions/SessionDriver", (right) => ({
    make: (input, scope) =>
      Effect.suspend(() => {
        let first: Effect.Effect.Success<ReturnType<typeof input.prompt>>["settings"] | undefined
        const prompt: typeof input.prompt = (turnId) =>
          Effect.map(input.prompt(turnId), (one) => ({ ...one, settings: (first ??= one.settings) }))
        return right.make({ ...input, prompt }, scope)
      })
  })),
  mutant<typeof DecideFact>("a rejected steer is lost", "T12", "decide/decideFact", (right) => ({
    decideFact: (draft, fact) => (fact._tag === "SteerRefused" ? false : right.decideFact(draft, fact))
  })),
  mutant<typeof Intent>("an interrupt does not reach the agent", "T7", "sessions/Intent", (right) => ({
    read: (event) => {
      const addressed = right.read(event)
      return addressed?.intent._tag === "Interrupt" ? undefined : addressed
    }
  })),
  mutant<typeof SessionDriver>("an interrupt never escalates", "T2", "sessions/SessionDriver", (right) => ({
    make: (input, scope) => right.make({ ...input, budgets: { ...input.budgets, interrupt: Duration.infinity } }, scope)
  }))
]
