/** A part of the state, for views: they redraw when that part is another value. */
import { useSyncExternalStore } from "react"
import { current, subscribe, type State } from "./Store.ts"

export const useStore = <A>(part: (state: State) => A): A => useSyncExternalStore(subscribe, () => part(current()))
