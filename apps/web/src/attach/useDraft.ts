import { useSyncExternalStore } from "react"
import { type Draft, draftOf, subscribe } from "./Drafts.ts"

/** The present draft of this key. */
export const useDraft = (key: string): Draft => useSyncExternalStore(subscribe, () => draftOf(key))
