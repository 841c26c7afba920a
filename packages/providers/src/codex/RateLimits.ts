/** When an account's usage limit resets, from `account/rateLimits/updated` (0.169): windows with a used percentage and a reset time. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { isRecord } from "../Fields.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Report from "../Report.ts"

const isoOf = (millis: number): { readonly resetsAt?: string } => {
  const at = new Date(millis)
  return Number.isNaN(at.getTime()) ? {} : { resetsAt: at.toISOString() }
}

interface Window {
  readonly usedPercent: number
  /** Seconds since 1970. */
  readonly resetsAt: number
}

const isWindow = (value: unknown): value is Window =>
  isRecord(value) && typeof value["usedPercent"] === "number" && typeof value["resetsAt"] === "number"

/** Updates are sparse: a window that an update does not name keeps its value. */
export class RateLimits {
  private readonly windows = new BoundedMap<string, Window>(16)

  /** Returns the report of all windows; `undefined`: an unknown shape. */
  learn(params: unknown): NativeEvent | undefined {
    const limits = isRecord(params) ? params["rateLimits"] : undefined
    if (!isRecord(limits)) return undefined
    for (const name of ["primary", "secondary"]) {
      const window = limits[name]
      if (isWindow(window)) this.windows.renew(`${String(limits["limitId"])} ${name}`, window)
    }
    return Report.event({
      limits: Array.from(this.windows, ([name, { resetsAt, usedPercent }]) => ({
        name,
        usedPercent,
        ...isoOf(resetsAt * 1000)
      }))
    })
  }

  /** Latest reset time of the exhausted windows, ISO 8601; empty when none is exhausted. */
  resetAt(): { readonly resetAt?: string } {
    const ends = [...this.windows.values()].filter(({ usedPercent }) => usedPercent >= 100).map(({ resetsAt }) => resetsAt * 1000)
    const last = new Date(Math.max(...ends))
    return Number.isNaN(last.getTime()) ? {} : { resetAt: last.toISOString() }
  }
}
