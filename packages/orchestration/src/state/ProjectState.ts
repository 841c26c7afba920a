/** The folded state of one project. It also counts its threads, which have their own streams, because `project.delete` needs the count. */
import { defined } from "@millrace/contracts/Defined"
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ProjectId } from "@millrace/contracts/Ids"
import type { ProjectView } from "@millrace/contracts/State"
import { updated } from "@millrace/model/Project"

export interface ProjectState extends ProjectView {
  readonly deleted: boolean
  /** Threads that are not deleted. */
  readonly threads: number
}

export const projectView = ({ projectId, cwd, title, createdAt, env, setup }: ProjectState): ProjectView => ({
  projectId,
  cwd,
  title,
  createdAt,
  ...defined({ env, setup })
})

/** The project whose state an event changes. Of a thread's events, only those that change the number of threads do. `threadProject`: the thread's, before the event. */
export const projectOf = (event: DomainEvent, threadProject: ProjectId | undefined): ProjectId | undefined => {
  switch (event.type) {
    case "project.created":
    case "project.updated":
    case "project.deleted":
    case "thread.created":
      return event.data.projectId
    case "thread.deleted":
      return threadProject
    default:
      return undefined
  }
}

/** Pure and total. */
export const evolveProject = (state: ProjectState | undefined, event: DomainEvent, at: string): ProjectState | undefined => {
  if (event.type === "project.created")
    return (
      state ?? {
        projectId: event.data.projectId,
        cwd: event.data.cwd,
        title: event.data.title,
        createdAt: at,
        deleted: false,
        threads: 0
      }
    )
  if (state === undefined) return undefined
  switch (event.type) {
    case "project.updated":
      return updated(state, event.data)
    case "project.deleted":
      return { ...state, deleted: true }
    case "thread.created":
      return { ...state, threads: state.threads + 1 }
    case "thread.deleted":
      return { ...state, threads: state.threads - 1 }
    default:
      return state
  }
}
