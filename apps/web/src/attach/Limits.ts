/** Which of some chosen files a turn takes: the server's limits, checked before anything is sent. */
import { safeName } from "@millrace/contracts/FileName"
import { extensionOf, mediaTypeOf } from "@millrace/contracts/MediaType"
import { maxAttachments, maxBlobBytes, maxTurnBytes } from "@millrace/contracts/Sizes"
import { size } from "../ui/Size.ts"

/** A file that a person chose, with the name that it gets. */
export interface Chosen {
  readonly file: File
  readonly name: string
}

interface Held {
  readonly name: string
  readonly bytes: number
}

/** The name, with a number before its extension if it is taken: browsers name every pasted picture `image.png`. */
const unique = (name: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(name)) return name
  const [, stem = name, extension = ""] = /^(.+?)(\.[^.]+)?$/.exec(name) ?? []
  for (let n = 2; ; n++) if (!taken.has(`${stem}-${n}${extension}`)) return `${stem}-${n}${extension}`
}

const nameOf = (file: File, taken: ReadonlySet<string>): string =>
  unique(safeName(file.name === "" ? `file${extensionOf(mediaTypeOf(file.type)) ?? ""}` : file.name), taken)

/** The files that fit to those that are held, in their order, and one sentence for each that does not. */
export const choose = (
  held: ReadonlyArray<Held>,
  files: ReadonlyArray<File>,
  folders: ReadonlyArray<string> = []
): { readonly chosen: ReadonlyArray<Chosen>; readonly refusals: ReadonlyArray<string> } => {
  const chosen: Array<Chosen> = []
  const refusals = folders.map((name) => `${name} is a folder. Attach its files instead.`)
  const taken = new Set(held.map(({ name }) => name))
  let bytes = held.reduce((sum, one) => sum + one.bytes, 0)
  for (const file of files) {
    if (held.length + chosen.length >= maxAttachments)
      refusals.push(`${file.name} was not attached: a message takes at most ${maxAttachments} files.`)
    else if (file.size > maxBlobBytes)
      refusals.push(`${file.name} was not attached: it has ${size(file.size)}, and a file has at most ${size(maxBlobBytes)}.`)
    else if (bytes + file.size > maxTurnBytes)
      refusals.push(`${file.name} was not attached: the files of a message have at most ${size(maxTurnBytes)} together.`)
    else {
      const name = nameOf(file, taken)
      taken.add(name)
      bytes += file.size
      chosen.push({ file, name })
    }
  }
  return { chosen, refusals }
}
