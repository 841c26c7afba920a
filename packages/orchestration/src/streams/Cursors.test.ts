import { Either } from "effect"
import { describe, expect, it } from "vitest"
import * as Cursors from "./Cursors.ts"

const logEpoch = "0123456789ABCDEFGHJKMNPQRS"
const other = "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"
const position = { logEpoch, head: 10, retained: 3 }

describe("D3 the outcomes of a cursor are a closed set", () => {
  it.each([
    [undefined, 3],
    [`${logEpoch}-10`, 10],
    [`${logEpoch}-3`, 3],
    [`${logEpoch}-2`, "CursorExpired"],
    [`${logEpoch}-11`, "CursorAhead"],
    [`${logEpoch}-9007199254740993`, "CursorMalformed"],
    [`${other}-10`, "CursorForeign"],
    [`${other}-99`, "CursorForeign"],
    ["", "CursorMalformed"],
    ["10", "CursorMalformed"],
    [`${logEpoch}-010`, "CursorMalformed"],
    [`${logEpoch}--1`, "CursorMalformed"]
  ] as const)("D3 %s", (after, outcome) => {
    const resolved = Cursors.resolve(after, position)
    expect(Either.isRight(resolved) ? resolved.right : resolved.left._tag).toBe(outcome)
    if (Either.isLeft(resolved)) expect(resolved.left).toMatchObject({ logEpoch, head: 10 })
  })
})
