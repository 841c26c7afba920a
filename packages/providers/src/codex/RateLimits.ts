/** When an account's usage limit ends, of what Codex told (`account/rateLimits/updated`, 0.169): windows with a share that is used and an end. */
import { isRecord } from "../Fields.ts"

interface Window {
  readonly usedPercent: number
  /** Seconds since 1970. */
  readonly resetsAt: number
}

const isWindow = (value: unknown): value is Window =>
  isRecord(value) && typeof value["usedPercent"] === "number" && typeof value["resetsAt"] === "number"

/** Updates are sparse: a window that is not named stays as it was. */
export class RateLimits {
  private readonly windows = new Map<string, Window>()

  learn(params: unknown): void {
    const limits = isRecord(params) ? params["rateLimits"] : undefined
    if (!isRecord(limits)) return
    for (const name of ["primary", "secondary"]) {
      const window = limits[name]
      if (isWindow(window)) this.windows.set(`${String(limits["limitId"])} ${name}`, window)
    }
  }

  /** When the last of the windows that are used up begins anew, ISO 8601; nothing when Codex named none. */
  resetAt(): { readonly resetAt?: string } {
    const ends = [...this.windows.values()].filter(({ usedPercent }) => usedPercent >= 100).map(({ resetsAt }) => resetsAt * 1000)
    const last = new Date(Math.max(...ends))
    return Number.isNaN(last.getTime()) ? {} : { resetAt: last.toISOString() }
  }
}
