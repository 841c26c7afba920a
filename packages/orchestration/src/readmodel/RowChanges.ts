/** Row changes of an event, before it is appended. */
import type { RowChange } from "@millrace/log/EventLog"
import type { Collection } from "@millrace/log/Query"

export type Put = Omit<Extract<RowChange, { readonly op: "put" }>, "event">

/** A row change without the index of its event in the envelope. */
export type Change = Put | Exclude<RowChange, { readonly op: "put" }>

export const put = <A>({ name }: Collection<A>, key: string, parent: string, rank: Put["rank"], value: NoInfer<A>): Put => ({
  op: "put",
  collection: name,
  key,
  parent,
  rank,
  value
})
/** Removes all rows of a parent. */
export const removeChildren = ({ name }: Collection<unknown>, parent: string): Change => ({
  op: "delete-children",
  collection: name,
  parent
})
export const remove = ({ name }: Collection<unknown>, key: string): Change => ({ op: "delete", collection: name, key })
