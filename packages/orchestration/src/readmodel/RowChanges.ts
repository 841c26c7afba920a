/** Row changes of an event, before it is appended. */
import type { RowChange } from "@millrace/log/EventLog"

export type Put = Omit<Extract<RowChange, { readonly op: "put" }>, "event">

/** A row change without the index of its event in the envelope. */
export type Change = Put | Extract<RowChange, { readonly op: "delete" }>

export const put = (collection: string, key: string, parent: string, rank: Put["rank"], value: unknown): Put => ({
  op: "put",
  collection,
  key,
  parent,
  rank,
  value
})
export const remove = (collection: string, key: string): Change => ({ op: "delete", collection, key })
