import { useSyncExternalStore } from "react"
import { type Draft, draftOf, subscribe } from "./Drafts.ts"

/** The draft of this key, as it is now. */
export const useDraft = (key: string): Draft => useSyncExternalStore(subscribe, () => draftOf(key))
