/** Reports of an agent of itself, within the limits of the contract. */
import type { AgentReport, ReportedLimit } from "@millrace/contracts/AgentReport"
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { maxOffered } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import type { NativeEvent } from "./NativeEvent.ts"

const maxLimits = 16

export const event = (data: AgentReport): NativeEvent => ({ _tag: "Signal", kind: "agent", data })

/** Slash commands, without a leading slash. */
export const commands = (
  given: ReadonlyArray<{ readonly name: string; readonly description?: string | null | undefined }>
): NonNullable<AgentReport["commands"]> =>
  given
    .slice(0, maxOffered)
    .map(({ description, name }) => ({ name: cut(name.replace(/^\//, ""), 200), description: cut(description ?? "", 500) }))

/** Key: the name of a limit. A report of one limit keeps the other limits. */
export class Limits {
  readonly #known = new BoundedMap<string, ReportedLimit>(maxLimits)

  /** The report after these limits. */
  learn(limits: ReadonlyArray<ReportedLimit>): NativeEvent {
    for (const limit of limits) this.#known.renew(limit.name, limit)
    return event({ limits: [...this.#known.values()] })
  }
}
