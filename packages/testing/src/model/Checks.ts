/** Invariants while the server is idle: the log, the calls that agents received and the views agree. Returns one sentence per violation. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Dispatcher } from "@millrace/orchestration/sessions/Dispatcher"
import * as Views from "@millrace/orchestration/readmodel/Views"
import { Effect } from "effect"
import type { Agents } from "./Agents.ts"
import type { Reference } from "./Reference.ts"
import type { Server } from "./Server.ts"
import type { Thread } from "./Thread.ts"

export interface Sides {
  readonly reference: Reference
  readonly agents: Agents
}

/** Events of the log that agents must receive as calls. */
export class Noted {
  readonly interrupts = new Set<string>()
  /** Texts of turns. */
  readonly requested = new Set<string>()
  readonly answered: Array<{
    readonly requestId: string
    readonly thread: Thread
    readonly epoch: number
    readonly decision: string | undefined
  }> = []

  note(event: LogEvent, thread: Thread | undefined): void {
    const data = event.data as {
      readonly turnId: TurnId
      readonly requestId: RequestId
      readonly decision?: string
      readonly held?: true
      readonly repeatedAs?: RequestId
      readonly answer?: { readonly decision?: string }
      readonly text: string
    }
    if (event.type === "turn.requested") this.requested.add(data.text)
    if (event.type === "turn.interrupt.requested") this.interrupts.add(data.turnId)
    const answer =
      event.type === "request.answered" && data.held !== true ? data : event.type === "request.repeated" ? data.answer : undefined
    if (answer === undefined || thread === undefined) return
    // An agent knows a repeated request by the id of its own question.
    const requestId = data.repeatedAs ?? data.requestId
    this.answered.push({ requestId, thread, epoch: thread.epoch, decision: answer.decision })
  }
}

/** T4: every live turn has an owner, queued work, or a running timer. */
export const owners = ({ reference, agents }: Sides, server: Server): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const runners = new Set(
    server.look(Effect.flatMap(Dispatcher, ({ sessions }) => sessions)).map(({ threadId, epoch }) => `${threadId} ${epoch}`)
  )
  for (const thread of reference.threads.values()) {
    if (thread.deleted || thread.session === undefined) continue
    if (!runners.has(`${thread.id} ${thread.epoch}`)) wrong.push(`T4 the session of ${thread.id} has no owner`)
    const agent = agents.live(thread.id as ThreadId)
    const opening = (agents.opening.get(thread.id as ThreadId) ?? 0) > 0
    if (agent === undefined && !opening && !thread.stopping) wrong.push(`T4 the session of ${thread.id} has no agent`)
    const turnId = thread.active as TurnId | undefined
    const turn = turnId === undefined ? undefined : thread.open.get(turnId)
    // An unanswered call has a deadline. Later calls of the thread wait for it.
    const calling = (agents.calls.get(thread.id as ThreadId) ?? 0) > 0
    if (turn === undefined || turnId === undefined || thread.stopping || opening || calling) continue
    if (turn.origin === "user" && !agents.given.includes(turnId)) wrong.push(`T4 no agent received ${turnId}`)
    if (turn.interrupting && agent?.runs(turnId) === true && !agents.interrupted.some((one) => one.turnId === turnId))
      wrong.push(`T7 the agent was not asked to interrupt ${turnId}`)
  }
  return wrong
}

/** T7, T12, T13: agents receive each request once, and no other request. */
export const agentsAgree = ({ agents, reference }: Sides, noted: Noted): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  for (const { threadId, turnId } of agents.interrupted)
    if (!noted.interrupts.has(turnId) && !reference.unseen.has(threadId))
      wrong.push(`T7 ${turnId} was interrupted without a request`)
  for (const { turnId, settings } of agents.ran) {
    const due = reference.settings.get(turnId)
    const fits = due?.some(
      ({ effort, instructions }) =>
        settings.effort === (effort ?? undefined) && settings.instructions === (instructions ?? undefined)
    )
    if (fits === false) wrong.push(`T17 ${turnId} ran with ${JSON.stringify(settings)}; its thread had ${JSON.stringify(due)}`)
  }
  for (const { threadId, text } of agents.refused)
    if (!noted.requested.has(text) && !reference.unseen.has(threadId)) wrong.push(`T12 the refused ${text} did not become a turn`)
  const answersGiven = new Map<string, number>()
  for (const { requestId } of agents.answers) answersGiven.set(requestId, (answersGiven.get(requestId) ?? 0) + 1)
  for (const [id, times] of answersGiven) if (times > 1) wrong.push(`T13 the agent got the answer to ${id} ${times} times`)
  for (const { requestId, thread, epoch, decision } of noted.answered) {
    const given = agents.answers.find((one) => one.requestId === requestId)?.answer
    if (given === undefined) {
      if (thread.session !== undefined && thread.epoch === epoch && !thread.stopping)
        wrong.push(`T13 the answer to ${requestId} did not reach the agent`)
    } else if (decision !== undefined && !("decision" in given && given.decision === decision))
      wrong.push(`T13 ${requestId} was answered ${decision}, the agent got ${JSON.stringify(given)}`)
  }
  return wrong
}

/** L11: the views equal the log. */
export const viewsAgree = ({ reference }: Sides, server: Server): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const views = server.look(Views.Views)
  const state = server.look(views.state)
  const archived = server.look(views.threads({ archived: true })).items
  const shown = new Map([...state.threads, ...archived].map((view) => [view.threadId as string, view]))
  for (const thread of reference.threads.values()) {
    const view = shown.get(thread.id)
    if (thread.deleted) {
      if (view !== undefined) wrong.push(`L11 ${thread.id} is deleted but still shown`)
      continue
    }
    const due = {
      status: thread.status,
      archived: thread.archived,
      active: thread.active,
      queue: thread.queue,
      requests: thread.openRequests.map(({ id }) => id).toSorted(),
      items: [...thread.items].toSorted(),
      background: [...thread.tasks],
      plan: thread.plan?.turn,
      goal: thread.goal === undefined ? undefined : [thread.goal.id, thread.goal.status, thread.goal.used],
      session: thread.session
    }
    const session = view?.session?.status
    const is =
      view === undefined
        ? undefined
        : {
            status: view.status,
            archived: view.archived,
            active: view.activeTurnId,
            queue: view.queuedTurnIds,
            requests: view.openRequestIds.toSorted(),
            items: view.openItemIds.toSorted(),
            background: view.backgroundIds ?? [],
            plan: view.continuation?.turnId,
            goal: view.goal === undefined ? undefined : [view.goal.goalId, view.goal.status, view.goal.used.turns],
            session: session === "stopped" || session === "error" ? undefined : session
          }
    if (JSON.stringify(is) !== JSON.stringify(due))
      wrong.push(`L11 ${thread.id} is shown as ${JSON.stringify(is)}; expected ${JSON.stringify(due)}`)
    for (const turn of server.look(views.turns(thread.id as ThreadId, { limit: 100 })).items) {
      const status = thread.ended.has(turn.turnId)
        ? "over"
        : thread.queue.includes(turn.turnId)
          ? "queued"
          : thread.open.has(turn.turnId)
            ? "open"
            : "unknown"
      const expectedStatus =
        turn.status === "queued" ? "queued" : turn.status === "running" || turn.status === "waiting" ? "open" : "over"
      if (status !== expectedStatus) wrong.push(`L11 ${turn.turnId} is shown as ${turn.status}; it is ${status}`)
      const text = reference.texts.get(turn.turnId)
      if (text !== undefined && text !== turn.text) wrong.push(`T12 ${turn.turnId} is shown as ${turn.text}; its text is ${text}`)
    }
  }
  const waits = [...reference.requests.values()].filter(({ open, thread }) => open && !thread.deleted).map(({ id }) => id)
  if (JSON.stringify(state.requests.map(({ requestId }) => requestId as string).toSorted()) !== JSON.stringify(waits.toSorted()))
    wrong.push(`T13 the snapshot shows ${JSON.stringify(state.requests)}; open are ${waits.join(", ")}`)
  return wrong
}
