/** The events of a turn that this interface shows: those of its items. Others are skipped. */
import { decodeData, type DomainEvent, type LogEvent } from "@millrace/contracts/Event"
import { Either } from "effect"

export type ItemEvent = Extract<DomainEvent, { readonly type: "item.started" | "item.delta" | "item.completed" }>

const decoded = <T extends ItemEvent["type"]>(type: T, data: unknown) =>
  Either.match(decodeData(type, data), { onLeft: () => undefined, onRight: (data) => ({ type, data }) })

export const read = ({ data, type }: LogEvent): ItemEvent | undefined =>
  type === "item.started"
    ? decoded("item.started", data)
    : type === "item.delta"
      ? decoded("item.delta", data)
      : type === "item.completed"
        ? decoded("item.completed", data)
        : undefined
