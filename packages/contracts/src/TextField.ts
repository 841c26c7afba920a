/** Separate from `Item.ts`, so that a client that does not decode items does not contain their schemas. */
import type { ItemKind } from "./Item.ts"

/** The field of an item that its deltas build: `output` of a command, `text` of every other kind of item. */
export const textField = (kind: ItemKind): "output" | "text" => (kind === "command" ? "output" : "text")
