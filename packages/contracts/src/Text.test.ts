/** Text stays well formed for every source and every cut. */
import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import { cut, cutStart, shorten, splitPair, wellFormed, wellFormedJson } from "./Text.ts"

/** Arbitrary UTF-16, with lone surrogates and long graphemes. */
const units = fc.array(fc.constantFrom("a", " ", "é", "水", "\u{1f600}", "\ud83d", "\ude00", "👩‍👩‍👧", "e\u0301", "🇨🇭"), {
  maxLength: 60
})
const any = units.map((parts) => parts.join(""))
const good = any.map(wellFormed)

it("D5 cut and cutStart return a prefix and a suffix within the limit and split no character", () =>
  fc.assert(
    fc.property(good, fc.integer({ min: -3, max: 80 }), (text, length) => {
      const part = cut(text, length)
      expect(text.startsWith(part)).toBe(true)
      expect(part.isWellFormed()).toBe(true)
      expect(part.length).toBeLessThanOrEqual(Math.max(0, length))
      expect(part.length).toBeGreaterThanOrEqual(Math.min(text.length, Math.max(0, length - 1)))
      const end = cutStart(text, length)
      expect(text.endsWith(end)).toBe(true)
      expect(end.isWellFormed()).toBe(true)
      expect(end.length).toBeLessThanOrEqual(Math.max(0, length))
      expect(end.length).toBeGreaterThanOrEqual(Math.min(text.length, Math.max(0, length - 1)))
    }),
    { numRuns: 1000, seed: 1 }
  ))

it("D5 shorten cuts a title between graphemes", () => {
  const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })
  fc.assert(
    fc.property(good, fc.integer({ min: 2, max: 80 }), (text, length) => {
      const title = shorten(text, length)
      expect(title.isWellFormed()).toBe(true)
      expect(title.length).toBeLessThanOrEqual(Math.max(length, 1))
      if (text.length <= length) {
        expect(title).toBe(text)
        return
      }
      const kept = title.slice(0, -1)
      expect(title).toBe(`${kept}…`)
      expect([...graphemes.segment(text)].some(({ index }) => index === kept.length)).toBe(true)
    }),
    { numRuns: 1000, seed: 1 }
  )
  // A grapheme longer than 64 code units is cut between its code points.
  expect(shorten(`a${"\u0301".repeat(500)}`, 80).length).toBe(80)
  expect(shorten(`${"a".repeat(78)}\u{1f600} please`, 80)).toBe(`${"a".repeat(78)}…`)
})

it("L6 wellFormedJson changes only lone surrogates, at any depth, names included, and returns the same object if there are none", () =>
  fc.assert(
    fc.property(fc.jsonValue(), any, any, (value, text, name) => {
      expect(wellFormed(text)).toBe(text.toWellFormed())
      const clean = wellFormedJson({ value, list: [text, { [name]: text }] })
      // `JSON.stringify` escapes a lone surrogate as \udXXX. After an even number of backslashes it is text.
      expect(JSON.stringify(clean)).not.toMatch(/(?<!\\)(?:\\\\)*\\ud[89a-f]/)
      expect(wellFormedJson(clean)).toBe(clean)
    }),
    { numRuns: 300, seed: 3 }
  ))

it("L5 splitPair loses no text and leaves no half pair at the end of the first part", () =>
  fc.assert(
    fc.property(any, (text) => {
      const [whole, half] = splitPair(text)
      expect(whole + half).toBe(text)
      expect(/[\ud800-\udbff]$/.test(whole) && half === "").toBe(false)
    }),
    { numRuns: 100, seed: 4 }
  ))
