import { expect, it } from "@effect/vitest"
import * as ByteRange from "./ByteRange.ts"

const etag = '"abc"'
const of = (range: string | undefined, bytes = 10, ifRange?: string) => ByteRange.of({ range, ifRange }, etag, bytes)

it("X9 a single range of bytes, as RFC 9110 reads it", () => {
  expect(of("bytes=0-0")).toEqual({ start: 0, end: 1 })
  expect(of("bytes=2-4")).toEqual({ start: 2, end: 5 })
  expect(of("Bytes= 2- ")).toEqual({ start: 2, end: 10 })
  expect(of("bytes=9-99999999999999999999")).toEqual({ start: 9, end: 10 })
  expect(of("bytes=-3")).toEqual({ start: 7, end: 10 })
  expect(of("bytes=-99")).toEqual({ start: 0, end: 10 })
})

it("X9 a range beyond the content is unsatisfiable; any other is ignored", () => {
  for (const range of ["bytes=10-", "bytes=10-20", "bytes=-0"]) expect([range, of(range)]).toEqual([range, "unsatisfiable"])
  for (const range of ["bytes=0-", "bytes=-1"]) expect([range, of(range, 0)]).toEqual([range, "unsatisfiable"])
  for (const range of [
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=4-2",
    "bytes=0-1,3-4",
    "items=0-1",
    "bytes=a-b",
    "bytes=0x1-"
  ])
    expect([range, of(range)]).toEqual([range, "whole"])
})

it("X9 If-Range gives the range only for the same strong ETag", () => {
  expect(of("bytes=0-1", 10, etag)).toEqual({ start: 0, end: 2 })
  for (const other of ['"abd"', 'W/"abc"', "abc", "Mon, 30 Nov 2026 00:00:00 GMT", ""])
    expect([other, of("bytes=0-1", 10, other)]).toEqual([other, "whole"])
})
