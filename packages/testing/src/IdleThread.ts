/** A thread with nothing under way, as read models show it: for tests that need one to be there and look at nothing in it. */
import { ProjectId, type ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"

export const idleThread = (threadId: ThreadId): ThreadView => ({
  threadId,
  projectId: ProjectId.make("prj_a"),
  title: "",
  provider: "demo",
  cwd: "/",
  status: "idle",
  archived: false,
  queuedTurnIds: [],
  openRequestIds: [],
  openItemIds: [],
  createdAt: "",
  updatedAt: ""
})
