/** decide for commands: a command → events and a result, or the rule that rejects it. Pure and total; a rejected command leaves no event. */
import { defined } from "@millrace/contracts/Defined"
import { shorten } from "@millrace/contracts/Text"
import type { Command, CommandOf } from "@millrace/contracts/Command"
import type { ItemId, ProjectId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { given, type Labelled } from "@millrace/contracts/Labels"
import { settingsOf } from "@millrace/contracts/Settings"
import { withSettings } from "@millrace/model/Thread"
import { Either } from "effect"
import * as Attachments from "./decideAttachments.ts"
import { type CommandOutcome, ok, reject, threadFor } from "./CommandOutcome.ts"
import { turnEdit, turnPromote, turnRemove, turnReorder } from "./decideQueue.ts"
import * as Child from "./decideChild.ts"
import * as Continuations from "./decideContinuation.ts"
import * as Goals from "./decideGoal.ts"
import { threadAct } from "./decideAction.ts"
import { requestAnswer } from "./decideAnswer.ts"
import { changedSettings } from "./decideSettings.ts"
import { threadFork, turnRetry } from "./decideFork.ts"
import { threadHandover } from "./decideHandover.ts"
import type { Worktree } from "./Worktree.ts"
import type { Draft } from "./Draft.ts"
import { distinct } from "../state/Rules.ts"
import { type Rewound, threadRewind, workspaceDiscard } from "./decideRewind.ts"
import { type Acted, workspaceActed } from "./decideWorkspace.ts"
import { dequeue, startNext, userMessage } from "./lifecycle.ts"
import { activeTurn, epochOf, hasLiveSession, maxQueue, type ThreadState } from "../state/ThreadState.ts"

/** What was done with the files of a thread before its command is decided. */
export interface Before {
  /** `thread.create` and `thread.fork`: the thread whose agent sent it. */
  readonly parent?: ThreadId | undefined
  /** `thread.rewind` and `workspace.discard`. */
  readonly rewound?: Rewound | undefined
  /** `workspace.commit`, `workspace.merge`, `workspace.push` and `workspace.propose`. */
  readonly acted?: Acted | undefined
}

export interface CommandInput extends Before {
  readonly command: Command
  /** The sender: a token's name, or `local`. */
  readonly actor: string
  /** Canonical path of the command's `cwd`. Absent if there is no such directory. Resolved before the decision, which does no I/O. */
  readonly directory: string | undefined
  /** The blobs that the command's attachments name, if they are stored. Looked up before the decision. */
  readonly blobs: Attachments.KnownBlobs
  /** The same for each of the command's further `directories`. */
  readonly further: ReadonlyArray<string | undefined>
  /** The worktree that was created for a new thread, or that was removed; or why not. */
  readonly worktree?: Either.Either<Worktree, string> | undefined
  /** Names of secrets in the command that are not stored. */
  readonly unknownSecrets?: ReadonlyArray<string>
}

const baseName = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== "") ?? path

/** The first line of a prompt, short enough for a title. */
const titleOf = (text: string): string => {
  const line = text.trim().split("\n", 1)[0]?.trim() ?? ""
  return line === "" ? "New thread" : shorten(line, 80)
}

const projectAt = (draft: Draft, cwd: string, title: string | undefined): ProjectId => {
  const known = draft.state.projectAt(cwd)
  if (known !== undefined) return known
  const projectId = `prj_${draft.context.seed}` as ProjectId
  draft.emitProject("project.created", { projectId, cwd, title: title ?? baseName(cwd) })
  return projectId
}

const noDirectory = (cwd: string) =>
  reject("DirectoryNotFound", "There is no such directory on the server. Give the absolute path of an existing directory.", cwd)

const projectCreate = (draft: Draft, command: CommandOf<"project.create">, directory: string | undefined): CommandOutcome =>
  directory === undefined ? noDirectory(command.cwd) : ok({ projectId: projectAt(draft, directory, command.title) })

const projectFor = (draft: Draft, id: ProjectId) => {
  const state = draft.project(id)
  return state === undefined || state.deleted
    ? reject("ProjectNotFound", "There is no such project. Take a snapshot to find its id.", id)
    : Either.right(state)
}

const projectUpdate = (draft: Draft, { env, projectId, setup, title }: CommandOf<"project.update">): CommandOutcome =>
  Either.map(projectFor(draft, projectId), (state) => {
    const changed = defined({
      env: env !== undefined && JSON.stringify(env) !== JSON.stringify(state.env ?? {}) ? env : undefined,
      setup: setup !== undefined && setup !== (state.setup ?? null) ? setup : undefined
    })
    if (Object.keys(changed).length > 0 || (title !== undefined && state.title !== title))
      draft.emitProject("project.updated", { projectId, title: title ?? state.title, ...changed })
    return { projectId }
  })

const projectDelete = (draft: Draft, { projectId, purge }: CommandOf<"project.delete">): CommandOutcome =>
  Either.flatMap(projectFor(draft, projectId), ({ threads }) => {
    if (threads > 0 && purge !== true)
      return reject(
        "ProjectNotEmpty",
        `This project has ${threads} threads. Delete them first, also the archived ones, or delete the project with purge: true.`,
        projectId
      )
    for (const threadId of draft.state.threadsOf(projectId)) draft.emit(threadId, "thread.deleted", { threadId })
    draft.emitProject("project.deleted", { projectId })
    return ok({ projectId })
  })

/** The title of a new thread, from its prompt or, without a prompt, from its first attachment. */
const titleFor = ({ title, turn }: CommandOf<"thread.create">): string =>
  title ?? titleOf(turn === undefined ? "" : turn.text === "" ? (turn.attachments?.[0]?.name ?? "") : turn.text)

const threadCreate = (
  draft: Draft,
  { command: sent, directory, blobs, further, parent, worktree }: CommandInput & { readonly command: CommandOf<"thread.create"> }
): CommandOutcome => {
  const inherited = parent === undefined ? Either.right(sent) : Child.inherited(draft, parent, sent)
  if (Either.isLeft(inherited)) return Either.left(inherited.left)
  const command = inherited.right
  const { provider, turn } = command
  const prompt = turn === undefined ? Either.right(undefined) : Attachments.prompt(turn, blobs)
  if (Either.isLeft(prompt)) return Either.left(prompt.left)
  if (!draft.context.providers.has(provider)) {
    const names = [...draft.context.providers.keys()].join(", ")
    return reject("ProviderUnknown", `This server has no provider ${provider}. It has: ${names}.`, provider)
  }
  if (command.cwd !== undefined && directory === undefined) return noDirectory(command.cwd)
  if (command.projectId === undefined && directory === undefined)
    return reject("ProjectNotFound", "A thread belongs to a project: give its projectId, or a cwd.")
  const where = directory ?? (command.projectId === undefined ? undefined : draft.project(command.projectId)?.cwd)
  const settings = changedSettings(draft, provider, {}, settingsOf(command), where, further)
  if (Either.isLeft(settings)) return Either.left(settings.left)
  let projectId: ProjectId
  let cwd = directory
  if (command.projectId !== undefined) {
    const project = projectFor(draft, command.projectId)
    if (Either.isLeft(project)) return Either.left(project.left)
    projectId = command.projectId
    cwd = directory ?? project.right.cwd
  } else projectId = projectAt(draft, cwd as string, undefined)
  const fits =
    parent === undefined
      ? Either.void
      : Child.fits(draft, parent, {
          ...settingsOf(withSettings({}, settings.right)),
          projectId,
          provider,
          cwd: cwd as string,
          approve: distinct(command.approve)
        })
  if (Either.isLeft(fits)) return Either.left(fits.left)
  const threadId = `thr_${draft.context.seed}` as ThreadId
  const isWorktree = command.workspace?.kind === "worktree"
  // Never another directory (W6): without the worktree there is no thread.
  if (isWorktree && worktree?._tag !== "Right")
    return reject("WorktreeRefused", worktree?.left ?? "The worktree was not created. Send the command again with a new id.")
  const created = isWorktree && worktree?._tag === "Right" ? worktree.right : undefined
  draft.emit(threadId, "thread.created", {
    threadId,
    projectId,
    provider,
    ...settingsOf(withSettings({}, settings.right)),
    title: titleFor(command),
    cwd: created?.cwd ?? (cwd as string),
    ...(created === undefined
      ? {}
      : { workspace: { kind: "worktree" as const, branch: created.branch, commit: created.commit } }),
    ...defined({ recovery: command.recovery, afterLimit: command.afterLimit, approve: distinct(command.approve) }),
    ...given(command),
    ...defined({ keepSession: command.keepSession, parentThreadId: parent }),
    ...(command.workspace?.exclusive === true ? { exclusive: true as const } : {})
  })
  if (prompt.right === undefined) return ok({ projectId, threadId })
  const turnId = request(draft, threadId, prompt.right, "enqueue")
  return ok({ projectId, threadId, turnId })
}

/** Enqueues a turn and starts it if nothing runs. */
const request = (
  draft: Draft,
  threadId: ThreadId,
  prompt: Attachments.Prompt,
  strategy: "enqueue" | "interrupt" | "reject"
): TurnId => {
  const turnId = `trn_${draft.context.seed}` as TurnId
  const position = strategy === "interrupt" ? "front" : "back"
  draft.emit(threadId, "turn.requested", { threadId, turnId, ...prompt, strategy, position })
  startNext(draft, threadId)
  return turnId
}

const threadRename = (draft: Draft, { threadId, title }: CommandOf<"thread.rename">): CommandOutcome =>
  Either.map(threadFor(draft, threadId), (state) => {
    if (state.title !== title) draft.emit(threadId, "thread.updated", { threadId, title })
    return { threadId }
  })

/** The given labels and metadata that differ from the thread's. */
const relabelled = (state: Labelled, { labels, metadata }: Labelled) => {
  const differs = (before: unknown, after: unknown) => JSON.stringify(before) !== JSON.stringify(after)
  return given({
    labels: differs(state.labels, labels) ? labels : undefined,
    metadata: differs(state.metadata, metadata) ? metadata : undefined
  })
}

const threadConfigure = (
  draft: Draft,
  command: CommandOf<"thread.configure">,
  further: ReadonlyArray<string | undefined>
): CommandOutcome => {
  const { threadId, recovery, afterLimit } = command
  const approve = distinct(command.approve)
  return Either.gen(function* () {
    const state = yield* threadFor(draft, threadId)
    const settings = yield* changedSettings(draft, state.provider, state, command, state.cwd, further)
    const changed = {
      ...settings,
      ...(recovery === undefined || recovery === state.recovery ? {} : { recovery }),
      ...(afterLimit === undefined || afterLimit === state.afterLimit ? {} : { afterLimit }),
      ...(approve === undefined || JSON.stringify(approve ?? undefined) === JSON.stringify(state.approve) ? {} : { approve }),
      ...relabelled(state, command)
    }
    if (Object.keys(changed).length > 0) draft.emit(threadId, "thread.updated", { threadId, ...changed })
    return { threadId }
  })
}

const threadArchive = (draft: Draft, threadId: ThreadId, type: "thread.archived" | "thread.unarchived"): CommandOutcome =>
  Either.map(threadFor(draft, threadId), () => {
    if (type === "thread.archived") {
      Continuations.cancel(draft, threadId, "the thread was archived")
      Goals.pause(draft, threadId, "the thread was archived")
    }
    draft.emit(threadId, type, { threadId })
    startNext(draft, threadId)
    return { threadId }
  })

const continuationCancel = (draft: Draft, { threadId }: CommandOf<"continuation.cancel">, actor: string): CommandOutcome =>
  Either.map(threadFor(draft, threadId), () => {
    Continuations.cancel(draft, threadId, `cancelled by ${actor}`)
    startNext(draft, threadId)
    return { threadId }
  })

/**
 * The session and whatever is open, queued or scheduled end with the thread. They get no events, which would be forgotten in the same commit.
 * The Dispatcher stops the agent.
 */
const threadDelete = (draft: Draft, threadId: ThreadId): CommandOutcome =>
  Either.map(threadFor(draft, threadId), () => {
    draft.emit(threadId, "thread.deleted", { threadId })
    return { threadId }
  })

const turnStart = (
  draft: Draft,
  { actor, blobs, command }: CommandInput & { readonly command: CommandOf<"turn.start"> }
): CommandOutcome =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { threadId, expectedTurnId } = command
    const strategy = command.strategy ?? "enqueue"
    const active = activeTurn(state)
    if (state.archived) return reject("ThreadArchived", "This thread is archived. Unarchive it first.", threadId)
    if (expectedTurnId !== undefined && active?.turnId !== expectedTurnId)
      return reject("TurnMismatch", `The active turn is ${active?.turnId ?? "none"}, not ${expectedTurnId}.`, expectedTurnId)
    if (strategy === "reject" && (active !== undefined || state.queue.length > 0))
      return reject("TurnActive", "A turn runs already. Wait for its end, or choose another strategy.", active?.turnId)
    const given = Attachments.prompt(command, blobs)
    if (Either.isLeft(given)) return Either.left(given.left)
    const prompt = given.right
    // A new message replaces a scheduled continuation.
    Continuations.cancel(draft, threadId, `replaced by a message from ${actor}`)
    Goals.userMessageSent(draft, threadId, actor)
    if (strategy === "steer" && active !== undefined && state.capabilities.includes("steer") && state.stopping === undefined) {
      draft.emit(threadId, "turn.steered", { threadId, turnId: active.turnId, ...prompt })
      userMessage(draft, threadId, active.turnId, `itm_${draft.context.seed}` as ItemId, prompt)
      return ok({ threadId, turnId: active.turnId, outcome: "steering" })
    }
    if (state.queue.length >= maxQueue)
      return reject("QueueFull", `The queue of this thread is full: ${maxQueue} turns. Remove some, or wait.`, threadId)
    const turnId = request(draft, threadId, prompt, strategy === "steer" ? "enqueue" : strategy)
    if (draft.thread(threadId)?.session?.activeTurnId === turnId) return ok({ threadId, turnId, outcome: "started" })
    if (strategy !== "interrupt" || active === undefined) return ok({ threadId, turnId, outcome: "queued" })
    draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId: active.turnId })
    return ok({ threadId, turnId, outcome: "interrupting" })
  })

const turnInterrupt = (draft: Draft, command: CommandOf<"turn.interrupt">, actor: string): CommandOutcome =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { threadId } = command
    const turnId = command.turnId ?? activeTurn(state)?.turnId
    if (turnId === undefined) return ok({ threadId, outcome: "not-running" })
    if (state.queue.some((turn) => turn.turnId === turnId)) {
      Goals.interrupted(draft, state, turnId, `${actor} removed its turn from the queue`)
      dequeue(draft, threadId, turnId, `removed from the queue by ${actor}`)
      return ok({ threadId, turnId, outcome: "dequeued" })
    }
    const turn = state.turns[turnId]
    if (turn === undefined)
      return draft.state.knowsTurn(threadId, turnId)
        ? ok({ threadId, turnId, outcome: "not-running" })
        : reject("TurnNotFound", "This thread has no such turn.", turnId)
    Goals.interrupted(draft, state, turnId, `${actor} interrupted its turn`)
    if (!turn.interruptRequested) draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId })
    return ok({ threadId, turnId, outcome: "interrupting" })
  })

/** Stops the session of a thread, and what is queued or scheduled in it. */
const stopThread = (draft: Draft, state: ThreadState, reason: string): void => {
  const { queue, threadId } = state
  Continuations.cancel(draft, threadId, reason)
  Goals.pause(draft, threadId, reason)
  for (const { turnId } of queue) dequeue(draft, threadId, turnId, reason)
  draft.emit(threadId, "session.stop.requested", { threadId, epoch: epochOf(state), reason })
}

const sessionStop = (draft: Draft, command: CommandOf<"session.stop">, actor: string): CommandOutcome =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { children = false, threadId, expectedEpoch } = command
    const epoch = epochOf(state)
    if (expectedEpoch !== undefined && (expectedEpoch !== epoch || !hasLiveSession(state)))
      return reject(
        "TurnMismatch",
        `The session's epoch is ${hasLiveSession(state) ? epoch : "none"}, not ${expectedEpoch}.`,
        threadId
      )
    stopThread(draft, state, `the session was stopped by ${actor}`)
    for (const id of children ? (draft.state.family?.(threadId)?.descendants ?? []) : []) {
      const child = draft.thread(id)
      if (child !== undefined && !child.deleted) stopThread(draft, child, `the session was stopped with its parent by ${actor}`)
    }
    return ok({ threadId })
  })

/** The worktree is removed before the decision; the command has no event. */
const workspaceRemove = ({ threadId }: CommandOf<"workspace.remove">, removed: CommandInput["worktree"]): CommandOutcome =>
  removed?._tag === "Right"
    ? ok({ threadId })
    : reject("WorktreeRefused", removed?.left ?? "The worktree was not removed. Send the command again with a new id.", threadId)

/** After a command on a goal: starts the next turn if the thread is idle, and makes the command's result. */
const afterGoal = (draft: Draft, threadId: ThreadId, decided: ReturnType<typeof Goals.goalSet>): CommandOutcome =>
  Either.map(decided, (goalId) => {
    startNext(draft, threadId)
    return { threadId, goalId }
  })

/** Writes the events of one command into the draft. After a rejection the caller drops the draft. */
export const decideCommand = (draft: Draft, input: CommandInput): CommandOutcome => {
  const { command, actor, directory, blobs, further } = input
  const unknown = input.unknownSecrets?.[0]
  if (unknown !== undefined)
    return reject("SecretNotFound", `There is no secret ${unknown}. Store it with millrace secret set ${unknown}.`, unknown)
  switch (command.type) {
    case "project.create":
      return projectCreate(draft, command, directory)
    case "project.update":
      return projectUpdate(draft, command)
    case "project.delete":
      return projectDelete(draft, command)
    case "thread.create":
      return threadCreate(draft, { ...input, command })
    case "thread.rename":
      return threadRename(draft, command)
    case "thread.configure":
      return threadConfigure(draft, command, further)
    case "continuation.cancel":
      return continuationCancel(draft, command, actor)
    case "thread.handover":
      return threadHandover(draft, command, actor)
    case "thread.fork":
      return threadFork(draft, command, input.parent)
    case "turn.retry":
      return turnRetry(draft, command, blobs)
    case "goal.set":
      return afterGoal(draft, command.threadId, Goals.goalSet(draft, command))
    case "goal.pause":
      return afterGoal(draft, command.threadId, Goals.goalPause(draft, command, actor))
    case "goal.resume":
      return afterGoal(draft, command.threadId, Goals.goalResume(draft, command))
    case "goal.clear":
      return afterGoal(draft, command.threadId, Goals.goalClear(draft, command, actor))
    case "thread.compact":
      return threadAct(draft, command.threadId, { type: "compact" })
    case "thread.review":
      return threadAct(draft, command.threadId, { type: "review", target: command.target })
    case "thread.rewind":
      return threadRewind(draft, command, input.rewound)
    case "workspace.discard":
      return workspaceDiscard(draft, command, input.rewound)
    case "workspace.remove":
      return workspaceRemove(command, input.worktree)
    case "workspace.commit":
    case "workspace.merge":
    case "workspace.push":
    case "workspace.propose":
      return workspaceActed(draft, command.threadId, input.acted)
    case "thread.archive":
      return threadArchive(draft, command.threadId, "thread.archived")
    case "thread.unarchive":
      return threadArchive(draft, command.threadId, "thread.unarchived")
    case "thread.delete":
      return threadDelete(draft, command.threadId)
    case "turn.start":
      return turnStart(draft, { ...input, command })
    case "turn.interrupt":
      return turnInterrupt(draft, command, actor)
    case "turn.edit":
      return turnEdit(draft, command, blobs)
    case "turn.remove":
      return turnRemove(draft, command, actor)
    case "turn.reorder":
      return turnReorder(draft, command)
    case "turn.promote":
      return turnPromote(draft, command)
    case "request.answer":
      return requestAnswer(draft, command, actor)
    case "session.stop":
      return sessionStop(draft, command, actor)
  }
}
