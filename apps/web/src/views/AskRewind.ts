import type { RewindRequest } from "@millrace/contracts/Workspace"
import { createContext } from "react"

/** A turn, or files of the thread's directory. */
export type AskedTurn = Extract<RewindRequest, { readonly conversation: boolean }>
export type Asked = AskedTurn | Extract<RewindRequest, { readonly paths: unknown }>

/** Opens the dialog that takes them back. The thread shows it, because a row of a transcript leaves the document when it is out of view. */
export const AskRewind = createContext<(asked: Asked) => void>(() => {})
