import { expect, it } from "vitest"
import { safeName } from "./FileName.ts"
import { extensionOf, imageTypes, mediaTypeOf, octets, ofName } from "./MediaType.ts"

it("a media type has no parameters and is lowercase; any other text gives application/octet-stream", () => {
  expect(["Text/Plain; charset=UTF-8", "image/svg+xml", "", "png", "a/b/c", "../x"].map(mediaTypeOf)).toEqual([
    "text/plain",
    "image/svg+xml",
    octets,
    octets,
    octets,
    octets
  ])
})

it("the extension of a media type has that media type", () => {
  for (const type of [...imageTypes, "application/pdf", "text/plain", "text/csv"]) {
    const extension = extensionOf(type)
    expect(extension).toBeDefined()
    expect(ofName(`a${extension}`)).toBe(type)
  }
  expect([extensionOf("image/jpeg"), extensionOf("text/plain"), extensionOf("font/woff2")]).toEqual([".jpg", ".txt", undefined])
  expect(["SHOT.JPEG", "a.b.log", "Makefile", ".png", "a."].map(ofName)).toEqual([
    "image/jpeg",
    "text/plain",
    octets,
    "image/png",
    octets
  ])
})

it("a safe name is a file name", () => {
  expect(["a/b\\c\n.png", "..", ".", "", "x".repeat(300)].map(safeName)).toEqual([
    "a_b_c_.png",
    "file",
    "file",
    "file",
    "x".repeat(120)
  ])
})
