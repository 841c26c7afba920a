/** The rules of sessions and background work. They share no code with decide and evolve. */
import { type Context, unknownEvent } from "./Context.ts"

const liveStatuses = new Set(["starting", "ready", "running", "interrupted"])
/** The statuses of a session that can name an active turn. */
const busyStatuses = new Set(["starting", "running"])

/** Checks the active turn that a session event names. */
const checkActiveTurn = ({ data, must, thread }: Context): void => {
  const named = data.activeTurnId
  must(named === undefined || busyStatuses.has(data.status), "T3 only starting and running sessions name a turn")
  must(named === undefined || thread.open.has(named) || thread.queue[0] === named, "T3 a session names an existing turn")
  must(thread.active === undefined || thread.active === named, "T3 an active turn stays until it ends")
  thread.active = named
}

/** Checks and applies an event of the thread's session or its background work. */
export const apply = (context: Context): void => {
  const { data, event, isCurrent, must, thread } = context
  switch (event.type) {
    case "session.started":
      must(thread.session === undefined, "P7 the previous session has ended")
      must(thread.open.size === 0, "T3 nothing is open when a new epoch begins")
      must(data.epoch === thread.epoch + 1, "T3 epochs are 1, 2, 3, ...")
      thread.epoch = data.epoch
      thread.session = data.status
      thread.sessionSettings = thread.settings
      thread.stopping = false
      thread.steer = false
      thread.acceptsForSession = false
      checkActiveTurn(context)
      return
    case "session.state.changed":
      must(isCurrent, "T6 only the live session changes")
      must(liveStatuses.has(data.status), "T1 a live session has a live status")
      thread.session = data.status
      thread.steer = data.capabilities?.includes("steer") ?? thread.steer
      checkActiveTurn(context)
      return
    case "session.stop.requested":
      must(isCurrent && !thread.stopping, "T1 a session is asked to end once")
      if (data.reason !== undefined && /^idle|background work was given up/.test(data.reason)) {
        must(thread.open.size === 0 && thread.openRequests.length === 0, "R1 a session with a turn is not idle")
        must(thread.queue.length === 0, "R1 a session with queued input is not idle")
        must(thread.tasks.size === 0 || data.reason.includes("given up"), "R1 a session with background work is not idle")
        // An active goal keeps a session only as long as background work does (R5).
        must(!thread.hasActiveGoal || !data.reason.startsWith("idle for 1m"), "R1 a session with an active goal is not idle")
      }
      thread.stopping = true
      return
    case "session.stopped":
      must(isCurrent, "T1 a session ends once")
      must(thread.open.size === 0, "T3 no turn outlives its session")
      must(thread.items.size === 0, "T9 no item outlives its session")
      must(
        thread.openRequests.every((request) => request.held),
        "T13 no request outlives its session, except for the turn that continues the work"
      )
      must(thread.tasks.size === 0, "R1 no background work outlives its session")
      thread.session = undefined
      thread.stopping = false
      thread.active = undefined
      return
    case "session.kept":
      must(isCurrent, "R5 only a live session is kept")
      return
    case "background.started":
      must(isCurrent && !thread.tasks.has(data.taskId), "T1 background work starts once")
      thread.tasks.add(data.taskId)
      return
    case "background.ended":
      must(thread.tasks.delete(data.taskId), "T1 background work ends once")
      return
    default:
      must(false, unknownEvent)
  }
}
