/** One result of `millrace doctor`, and the inputs of the checks. */

export interface Check {
  readonly name: string
  /** `note`: no fault, but of interest to a person. */
  readonly status: "ok" | "note" | "wrong"
  readonly found: string
  readonly fix?: string
}

/** The data directory to check, and the addresses of its server. */
export interface Where {
  readonly dataDir: string
  readonly host: string
  /** The port of the configuration. */
  readonly port: number
  /** The configured bound of the log's file. */
  readonly maxLogBytes: number | undefined
  /** The port of a flag. Absent: the port of the running server, otherwise of the configuration. */
  readonly portFlag: number | undefined
}

/** Milliseconds since 1970. `undefined` if `at` is absent or not a time. */
export const millisOf = (at: string | undefined) =>
  at === undefined || Number.isNaN(Date.parse(at)) ? undefined : Date.parse(at)
