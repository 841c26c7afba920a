/**
 * The collections of rows that `Projection` writes, with the types of their values. Other modules use these constants instead of the names.
 *
 * | collection        | key       | parent    | rank | rows                                                |
 * |-------------------|-----------|-----------|------|-----------------------------------------------------|
 * | `project`         | projectId |           | keep | removed when deleted                                |
 * | `project-state`   | projectId |           | keep | all                                                 |
 * | `project-by-cwd`  | cwd       |           | keep | the projectId; removed when deleted                 |
 * | `thread`          | threadId  | projectId | bump | neither archived nor deleted                        |
 * | `thread-archived` | threadId  | projectId | bump | archived, not deleted                               |
 * | `thread-state`    | threadId  |           | bump | all; of a deleted one only its id and time          |
 * | `child`           | threadId  | parentThreadId | keep | threads that an agent created; removed when deleted |
 * | `live`            | threadId  |           | keep | while the thread `isLive`                           |
 * | `timer`           | threadId  |           | keep | while a continuation is scheduled                   |
 * | `timer`           | goalId    |           | keep | while a goal has a due time                         |
 * | `turn`            | turnId    | threadId  | keep | of threads that are not deleted                     |
 * | `item`            | itemId    | threadId  | keep | the same; without the text of an open one: OpenTexts |
 * | `request`         | requestId | threadId  | keep | the same                                            |
 * | `request-open`    | requestId | threadId  | keep | while it is open                                    |
 */
import type { GoalId, ProjectId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { ProjectView, ThreadView, TurnView } from "@millrace/contracts/State"
import { type Collection, collection } from "@millrace/log/Query"
import type { ProjectState } from "../state/ProjectState.ts"
import type { ThreadRow } from "./ThreadRow.ts"

/** A thread that the agent of another thread created. */
export interface Child {
  readonly threadId: ThreadId
  readonly parentThreadId: ThreadId
  /** When it was created, ISO 8601 UTC. */
  readonly at: string
}

/** When a continuation or a goal of a thread is due. */
export interface Timer {
  readonly threadId: ThreadId
  /** Only for a continuation: the interrupted turn. */
  readonly turnId?: TurnId
  /** Only for a goal. */
  readonly goalId?: GoalId
  /** ISO 8601 UTC. */
  readonly at: string
}

export const project = collection<ProjectView>("project")
export const projectState = collection<ProjectState>("project-state")
export const projectByCwd = collection<ProjectId>("project-by-cwd")
export const thread = collection<ThreadView>("thread")
export const threadArchived = collection<ThreadView>("thread-archived")
export const threadState = collection<ThreadRow>("thread-state")
export const child = collection<Child>("child")
export const live = collection<true>("live")
export const timer = collection<Timer>("timer")
export const turn = collection<TurnView>("turn")
export const item = collection<ItemView>("item")
export const request = collection<RequestView>("request")
export const requestOpen = collection<RequestView>("request-open")

/** The content of a thread: rows with the thread as their parent. They are removed with the thread. */
export const ofThread: ReadonlyArray<Collection<unknown>> = [turn, item, request, requestOpen]

export const all: ReadonlyArray<Collection<unknown>> = [
  project,
  projectState,
  projectByCwd,
  thread,
  threadArchived,
  threadState,
  child,
  live,
  timer,
  turn,
  item,
  request,
  requestOpen
]
