/** Errors of the service as errors of the Agent Client Protocol. The message says what to do next. */
import { RequestError } from "@agentclientprotocol/sdk"
import type { Failure } from "@millrace/contracts/Item"

/** Codes of the protocol and of JSON-RPC. */
const codes = { signIn: -32000, notFound: -32002, invalid: -32602, internal: -32603 }

const invalid = new Set(["CommandRejected", "BadRequest", "PayloadTooLarge", "CommandIdConflict"])

export const of = (error: { readonly _tag: string; readonly message: string; readonly rule?: unknown }): RequestError => {
  const code = error._tag === "NotFound" ? codes.notFound : invalid.has(error._tag) ? codes.invalid : codes.internal
  const message =
    error._tag === "Unauthorized" ? `${error.message} The command line reads the token from MILLRACE_TOKEN.` : error.message
  return new RequestError(code, message, { tag: error._tag, ...(typeof error.rule === "string" && { rule: error.rule }) })
}

/** A session that this connection has not opened. */
export const unknown = (sessionId: string): RequestError =>
  new RequestError(
    codes.notFound,
    `There is no open session ${sessionId}. Open it with session/load, or create one with session/new.`
  )

export const tooMany = (most: number): RequestError =>
  new RequestError(codes.internal, `This editor has ${most} open sessions. Close one with session/close.`)

export const ended = (sessionId: string, reason: string): RequestError =>
  new RequestError(
    codes.internal,
    `The session ${sessionId} can send no more updates: ${reason}. Load it again, or create another one.`
  )

/** A turn that failed. */
export const failed = (failure: Failure | undefined): RequestError =>
  new RequestError(failure?.kind === "auth" ? codes.signIn : codes.internal, failure?.message ?? "The turn failed.", {
    ...(failure !== undefined && { kind: failure.kind }),
    ...(failure?.detail !== undefined && { detail: failure.detail })
  })

/** A turn that ended although no person interrupted it. */
export const interrupted = (reason: string): RequestError =>
  new RequestError(codes.internal, `The turn was interrupted: ${reason}`)

export const oldServer = new RequestError(
  codes.internal,
  "The server's answer has no id: server and command line have different versions. Update the older one."
)
