/** decide for a part of an imported transcript: creates its thread if there is none yet, and writes its pieces. Starts and ends no turn or session. */
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"

/** `false`: the thread or its project was deleted, and nothing of the part is written. */
export const decideImport = (draft: Draft, { begin, pieces, threadId }: Extract<Fact, { _tag: "Imported" }>): boolean => {
  if (draft.thread(threadId) === undefined) {
    if (draft.project(begin.projectId)?.deleted !== false) return false
    draft.emit(threadId, "thread.created", { threadId, ...begin })
  }
  if (draft.thread(threadId)?.deleted !== false) return false
  for (const { data, type } of pieces) draft.emit(threadId, type, data)
  return true
}
