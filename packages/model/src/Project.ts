/** One project as read models show it, folded from its events. */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import type { ProjectView } from "@millrace/contracts/State"

/** The project with a new title, and with what else the event sets. A setup of `null` removes it. */
export const updated = <P extends ProjectView>(project: P, { env, setup, title }: DataOf<"project.updated">): P => {
  const { setup: before, ...rest } = project
  const after = setup === undefined ? before : (setup ?? undefined)
  return { ...(rest as P), title, ...defined({ env, setup: after }) }
}

/** The project after an event that names it. `undefined` if the project is unknown, or if the event deletes it. `at`: the time of the event. */
export const apply = (project: ProjectView | undefined, event: DomainEvent, at: string): ProjectView | undefined => {
  switch (event.type) {
    case "project.created": {
      const { cwd, projectId, title } = event.data
      return project ?? { projectId, cwd, title, createdAt: at }
    }
    case "project.updated":
      return project === undefined ? undefined : updated(project, event.data)
    case "project.deleted":
      return undefined
    default:
      return project
  }
}
