/** Serves the diffs of a thread: JSON, or a unified diff for `Accept: text/x-diff`. */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Range, ThreadDiffs } from "@millrace/host/ThreadDiffs"
import { Effect } from "effect"
import * as Respond from "./Respond.ts"

const headers = { "cache-control": "private, no-store", "x-content-type-options": "nosniff" }

export const answer = (
  service: ThreadDiffs,
  request: HttpServerRequest.HttpServerRequest,
  threadId: ThreadId,
  range: Range,
  hunks: boolean
) =>
  request.headers["accept"]?.includes("text/x-diff") === true
    ? Effect.map(service.patch(threadId, range), ({ late, patch, truncated }) =>
        HttpServerResponse.uint8Array(patch, {
          contentType: "text/x-diff; charset=utf-8",
          headers: {
            ...headers,
            ...(truncated ? { "x-millrace-truncated": "true" } : {}),
            ...(late ? { "x-millrace-late": "true" } : {})
          }
        })
      )
    : Effect.map(service.diff(threadId, { ...range, hunks }), (diff) => Respond.json(diff, headers))
