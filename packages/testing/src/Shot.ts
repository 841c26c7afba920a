/** A small picture as an attachment of a turn: a PNG of one pixel, written to a file. */
import type { TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

export const base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const content = Buffer.from(base64, "base64")
export const hash = createHash("sha256").update(content).digest("hex")

/** Writes the picture into the directory. */
export const attachment = (directory: string): TurnAttachment => {
  const path = join(directory, "shot.png")
  writeFileSync(path, content)
  return { blob: hash, name: "shot.png", mediaType: "image/png", bytes: content.length, path, delivery: "native" }
}
