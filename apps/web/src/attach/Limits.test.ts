import { maxAttachments, maxTurnBytes } from "@millrace/contracts/Attachment"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { expect, it } from "vitest"
import { choose } from "./Limits.ts"

/** A file that says that it has that many bytes. */
const file = (name: string, bytes = 1, type = ""): File =>
  Object.defineProperty(new File([], name, { type }), "size", { value: bytes })

it("files beyond the server's limits are refused by name, and the others are attached", () => {
  const large = choose(
    [],
    [file("a.bin", maxBlobBytes + 1), file("b.bin", maxBlobBytes), file("c.bin", maxBlobBytes), file("d.txt")]
  )
  expect(large.chosen.map(({ name }) => name)).toEqual(["b.bin", "c.bin"])
  expect(large.refusals).toEqual([
    "a.bin was not attached: it has 32 MiB, and a file has at most 32 MiB.",
    "d.txt was not attached: the files of a message have at most 64 MiB together."
  ])
  expect(maxTurnBytes).toBe(2 * maxBlobBytes)

  const held = Array.from({ length: maxAttachments - 1 }, (_, n) => ({ name: `${n}.txt`, bytes: 1 }))
  const many = choose(held, [file("x.txt"), file("y.txt")], ["docs"])
  expect(many.chosen.map(({ name }) => name)).toEqual(["x.txt"])
  expect(many.refusals).toEqual([
    "docs is a folder. Attach its files instead.",
    "y.txt was not attached: a message takes at most 16 files."
  ])
})

it("each attachment gets a name of its own that the server takes", () => {
  const names = ["image.png", "image.png", "image.png", "a/b\n.txt", "", ".env", ".env"]
  const { chosen } = choose(
    [{ name: "image.png", bytes: 1 }],
    names.map((name) => file(name, 1, "image/png"))
  )
  expect(chosen.map(({ name }) => name)).toEqual([
    "image-2.png",
    "image-3.png",
    "image-4.png",
    "a_b_.txt",
    "file.png",
    ".env",
    ".env-2"
  ])
})
