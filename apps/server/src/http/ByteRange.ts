/** `Range` and `If-Range` of a GET for content whose strong ETag is known (RFC 9110, 13.1.5 and 14.2). */

/** The bytes from `start` up to, but not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

interface Asked {
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

/**
 * The range to answer with. `whole`: answer with the whole content, because the request has no range, another unit, several ranges, a malformed range, or an
 * `If-Range` that is not the ETag. `unsatisfiable`: the content has no byte of the range.
 */
export const of = ({ ifRange, range }: Asked, etag: string, bytes: number): ByteRange | "whole" | "unsatisfiable" => {
  const found = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(range ?? "")
  if (found === null || (ifRange !== undefined && ifRange.trim() !== etag)) return "whole"
  const [, first = "", last = ""] = found
  if (first === "" && last === "") return "whole"
  if (first === "") {
    const start = Math.max(0, bytes - Number(last))
    return start < bytes ? { start, end: bytes } : "unsatisfiable"
  }
  const start = Number(first)
  if (last !== "" && Number(last) < start) return "whole"
  return start < bytes ? { start, end: last === "" ? bytes : Math.min(bytes, Number(last) + 1) } : "unsatisfiable"
}
