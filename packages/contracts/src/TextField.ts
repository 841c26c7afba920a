/** Separate from `Item.ts`, so that a client that does not decode items does not contain their schemas. */
import type { ItemKind } from "./Item.ts"

/** The field of an item that its deltas build: the output of a command, the text of another item. */
export const textField = (kind: ItemKind): "output" | "text" => (kind === "command" ? "output" : "text")
