/** Responses: JSON values, and the contract's errors. Each error has one status (`Errors.ts` of the contracts). */
import { HttpApiSchema, HttpServerResponse } from "@effect/platform"
import { Metric, Schema } from "effect"
import * as Errors from "@millrace/contracts/Errors"
import { ImportFailed, ProviderUnavailable } from "@millrace/contracts/Import"

const WireError = Schema.Union(
  Errors.BadRequest,
  Errors.Unauthorized,
  Errors.Forbidden,
  Errors.NotFound,
  Errors.PayloadTooLarge,
  ImportFailed,
  ProviderUnavailable,
  ...Errors.CursorError.members,
  ...Errors.CommandError.members
)
export type WireError = typeof WireError.Type

/** An error as clients read it. */
export const encode = Schema.encodeSync(WireError)
const statuses = new Map(WireError.members.map((member) => [member._tag as string, HttpApiSchema.getStatusErrorAST(member.ast)]))

const body = "application/json; charset=utf-8"

/** A JSON response. No schema encodes the value, because the contract's read models are JSON already. */
export const json = (value: unknown, headers?: Record<string, string>): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(value), { contentType: body, ...(headers && { headers }) })

const refusals = Metric.counter("millrace_http_refusals_total", {
  description: "Requests answered with an error of the API, by error.",
  incremental: true
})

/** An error response, with `Retry-After` in whole seconds for errors that permit a retry, and `WWW-Authenticate` on 401. */
export const error = (error: WireError): HttpServerResponse.HttpServerResponse => {
  Metric.tagged(refusals, "kind", error._tag).unsafeUpdate(1, [])
  const headers: Record<string, string> = { "cache-control": "no-store" }
  if ("retryAfterMillis" in error) headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMillis / 1000)))
  if (error._tag === "Unauthorized") headers["www-authenticate"] = 'Bearer realm="millrace"'
  return HttpServerResponse.text(JSON.stringify(encode(error)), {
    status: statuses.get(error._tag) ?? 500,
    contentType: body,
    headers
  })
}

/** Error responses outside the contract: an unknown path, a wrong method, a defect. They are not cached. */
export const plain = (status: number, tag: string, message: string, headers?: Record<string, string>) =>
  HttpServerResponse.text(JSON.stringify({ _tag: tag, message }), {
    status,
    contentType: body,
    headers: { "cache-control": "no-store", ...headers }
  })
