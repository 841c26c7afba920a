/** The view of an idle thread, for tests that need a thread and read none of its fields. */
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
