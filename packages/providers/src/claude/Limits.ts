/** The account's usage limits, from `rate_limit_event`. */
import type { ReportedLimit } from "@millrace/contracts/AgentReport"
import { defined } from "@millrace/contracts/Defined"
import { cut } from "@millrace/contracts/Text"
import * as ResetTime from "./ResetTime.ts"
import type { Limit } from "./Said.ts"

/** The limit in the form of the agent's report. */
export const reported = ({ rateLimitType, resetsAt, status, utilization }: Limit): ReportedLimit =>
  defined({
    name: cut(rateLimitType ?? "usage", 200),
    status: cut(status, 200),
    usedPercent: typeof utilization === "number" ? Math.round(utilization * 100) : undefined,
    resetsAt: ResetTime.fromSeconds(resetsAt)
  })

/** The warning as text, such as `85 % of the five hour limit is used; it resets at 2026-11-28T23:00:00.000Z.` */
export const warningOf = ({ rateLimitType, resetsAt, utilization }: Limit): string => {
  const limit = `${(rateLimitType ?? "usage").replaceAll("_", " ")} limit`
  const used =
    typeof utilization === "number" ? `${Math.round(utilization * 100)} % of the ${limit} is used` : `The ${limit} is near`
  const at = ResetTime.fromSeconds(resetsAt)
  return `${used}${at === undefined ? "" : `; it resets at ${at}`}.`
}
