import { expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as BlobRecord from "./BlobRecord.ts"

const blob = "0".repeat(64)

it("L22 the record of a blob is read as its JSON is, without parsing its content", () => {
  const contents = FastCheck.sample(FastCheck.uint8Array({ maxLength: 2_000 }), { numRuns: 200, seed: 7 })
  const types = FastCheck.sample(FastCheck.constantFrom("text/plain", 'a"b', 'x","base64":"y', "ü😀", ""), {
    numRuns: 200,
    seed: 7
  })
  let direct = 0
  for (const [n, content] of contents.entries()) {
    const record = { blob, mediaType: types[n] ?? "", base64: Buffer.from(content).toString("base64") }
    const found = BlobRecord.ofLine(JSON.stringify(record))
    if (found === undefined) continue
    direct++
    expect(found).toEqual(record)
  }
  expect(direct).toBeGreaterThan(100)
})

it("L22 any other line is left to the parser of JSON", () => {
  const of = (rest: string) => BlobRecord.ofLine(`{"blob":"${rest}`)
  for (const rest of [
    `${blob}","mediaType":"text/plain","base64":"AAAA","more":1}`,
    `${blob}","base64":"AAAA","mediaType":"text/plain"}`,
    `${blob}","mediaType":"text/plain","base64":"AA\\u0041A"}`,
    `${blob}","mediaType":"text/plain","base64":"AAAA" }`,
    `${blob}","mediaType":"text/plain"}`,
    `${blob}","mediaType":1,"base64":"AAAA"}`,
    `short","mediaType":"text/plain","base64":"AAAA"}`,
    `${blob}","mediaType":"${"x".repeat(2_000)}","base64":"AAAA"}`
  ])
    expect([rest, of(rest)]).toEqual([rest, undefined])
  expect(BlobRecord.ofLine('{"type":"item.completed","base64":""}')).toBeUndefined()
})
