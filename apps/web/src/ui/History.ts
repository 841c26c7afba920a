/** What a session's agent knows of the conversation before it, for people. */
import type { Continuity } from "@millrace/contracts/State"

export const historyWords: Readonly<Record<Continuity, string>> = {
  fresh: "new conversation",
  resumed: "continues its conversation",
  replayed: "got the conversation from the log",
  "handed-off": "got a transcript of the earlier turns"
}
