/** What an event changes in rows, before the log knows of it. */
import type { RowChange } from "@millrace/log/EventLog"

export type Put = Omit<Extract<RowChange, { readonly op: "put" }>, "event">

/** A change before it knows its event's place in the envelope. */
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
