import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as RowValue from "./RowValue.ts"
import { StorageFailure } from "./Storage.ts"
import { range } from "./suite/subject.ts"

const place = { key: "itm_01JABCDEFGHKMNPQ", parent: "thr_01JABCDEFGHKMNPQ" }
const json = JSON.stringify({
  threadId: place.parent,
  itemId: place.key,
  kind: "agent-message",
  text: "many words é😀 ".repeat(60)
})

const packed = () => {
  const stored = RowValue.pack(place, json)
  if (typeof stored === "string") throw new Error("it is not compressed")
  return Uint8Array.from(stored)
}

/** The JSON, or why it cannot be read. */
const outcome = (stored: RowValue.Stored, at: RowValue.Place = place): string => {
  try {
    return RowValue.open(at, stored)
  } catch (cause) {
    if (!(cause instanceof StorageFailure)) throw cause
    expect(cause.reason).toBe("corrupt")
    expect(cause.message).toContain(at.key)
    return `damaged: ${cause.message}`
  }
}

const words = FastCheck.oneof(
  FastCheck.fullUnicodeString({ maxLength: 400 }),
  FastCheck.constantFrom("plain words of an answer ", '"\\\n\u0000\u2028', "é€😀", "\ud800").map((word) => word.repeat(40)),
  FastCheck.integer({ min: RowValue.minCharacters - 4, max: RowValue.minCharacters + 4 }).map((length) => "x".repeat(length))
)

describe("RowValue", () => {
  it("L11 a stored value is the same JSON, whatever its size", () => {
    const drawn = FastCheck.sample(FastCheck.record({ text: words, key: FastCheck.string(), parent: FastCheck.string() }), {
      numRuns: 500,
      seed: 23
    })
    let compressed = 0
    for (const { key, parent, text } of drawn) {
      const value = JSON.stringify(text)
      const stored = RowValue.pack({ key, parent }, value)
      if (typeof stored !== "string") compressed++
      expect(RowValue.open({ key, parent }, stored)).toBe(value)
    }
    expect(compressed).toBeGreaterThan(100)
    expect(compressed).toBeLessThan(drawn.length - 100)
  })

  it("L11 a value is compressed from 512 characters on, to a part of its size", () => {
    const text = (length: number) => `"${"x".repeat(length - 2)}"`
    expect(typeof RowValue.pack(place, text(RowValue.minCharacters - 1))).toBe("string")
    expect(typeof RowValue.pack(place, text(RowValue.minCharacters))).toBe("object")
    expect(packed().byteLength).toBeLessThan(json.length / 4)
  })

  it("L11 no damage of a compressed value gives another value", () => {
    const stored = packed()
    for (const at of range(0, stored.byteLength - 1)) {
      expect(outcome(stored.subarray(0, at))).toMatch(/^damaged: /)
      for (const bit of range(0, 7)) {
        const flipped = Uint8Array.from(stored, (byte, i) => (i === at ? byte ^ (1 << bit) : byte))
        // Bits after the end of the deflate stream, in its last byte, mean nothing.
        if (at === stored.byteLength - 1 && outcome(flipped) === json) continue
        expect(outcome(flipped)).toMatch(/^damaged: /)
      }
    }
    expect(outcome(stored, { ...place, key: "itm_02KQPNMKHGFEDCBA" })).toMatch(/^damaged: /)
    expect(outcome(Uint8Array.from(stored, (byte, i) => (i === 0 ? 9 : byte)))).toContain("does not know its compression, 9")
    expect(outcome(stored)).toBe(json)
  })
})
