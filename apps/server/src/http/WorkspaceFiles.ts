/** Serves one file of a thread's directory. A browser shows images of four formats; it gets all else as plain text or as a download, never as a page or a script (W5). */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { BadRequest } from "@millrace/contracts/Errors"
import { imageTypes, octets, ofName } from "@millrace/contracts/MediaType"
import type { FoundFile } from "@millrace/host/WorkspaceReads"
import { isUtf8 } from "node:buffer"
import { Effect } from "effect"
import * as Target from "./Target.ts"

/** The path behind `/files/` of a canonical target. A slash of the path is written as `/`. An escaped slash is refused, because proxies read it in different ways. */
export const pathOf = (target: string): Effect.Effect<string, BadRequest> =>
  Effect.suspend(() => {
    const encoded = Target.pathOf(target).replace(/^\/api\/threads\/[^/]*\/files\//, "")
    if (/%2f/i.test(encoded))
      return new BadRequest({ path: "path", message: "Write the slashes of the path as `/`, not as %2F." })
    return Effect.try({
      try: () => decodeURIComponent(encoded),
      catch: () => new BadRequest({ path: "path", message: "The path is not percent-encoded UTF-8." })
    })
  })

/** First bytes of the formats in `imageTypes`. */
const isImage = (content: Uint8Array): boolean => {
  const head = Buffer.from(content.subarray(0, 12)).toString("latin1")
  return /^(\x89PNG\r\n|\xff\xd8\xff|GIF8|RIFF[^]{4}WEBP)/.test(head)
}

const shownAs = (path: string, content: Uint8Array): string => {
  const type = ofName(path)
  if (imageTypes.has(type) && isImage(content)) return type
  return isUtf8(content) && !content.includes(0) ? "text/plain; charset=utf-8" : octets
}

export const answer = (
  request: HttpServerRequest.HttpServerRequest,
  path: string,
  { content, hash }: FoundFile
): HttpServerResponse.HttpServerResponse => {
  const contentType = shownAs(path, content)
  const headers = {
    etag: `"${hash}"`,
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    ...(contentType === octets ? { "content-disposition": "attachment" } : {})
  }
  return request.headers["if-none-match"]?.includes(hash) === true
    ? HttpServerResponse.empty({ status: 304, headers })
    : HttpServerResponse.uint8Array(content, { contentType, headers })
}
