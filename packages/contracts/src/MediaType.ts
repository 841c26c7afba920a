/** Media types of files, and the extensions of their names. It has no dependencies, because the page uses it too. */

/** The media type of unknown content. */
export const octets = "application/octet-stream"

/** The media types of images that agents and browsers show. */
export const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"])

/** The media type of each extension. Files of a media type get its first extension. */
const types: ReadonlyMap<string, string> = new Map([
  [".png", "image/png"],
  [".jpg", "image/jpeg"],
  [".jpeg", "image/jpeg"],
  [".gif", "image/gif"],
  [".webp", "image/webp"],
  [".pdf", "application/pdf"],
  [".json", "application/json"],
  [".txt", "text/plain"],
  [".log", "text/plain"],
  [".md", "text/markdown"],
  [".csv", "text/csv"],
  [".html", "text/html"]
])
const extensions: ReadonlyMap<string, string> = new Map([...types].toReversed().map(([extension, type]) => [type, extension]))

/** `type/subtype` without parameters, lowercase. */
export const pattern = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/

/** The media type without its parameters, in lowercase; `application/octet-stream` if `given` is not a media type. */
export const mediaTypeOf = (given: string): string => {
  const type = (given.split(";", 1)[0] ?? "").trim().toLowerCase()
  return pattern.test(type) ? type : octets
}

/** The media type of a file with this name; `application/octet-stream` if its extension is unknown. */
export const ofName = (name: string): string => types.get(/\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "") ?? octets

/** The extension of files of this type, with its dot; `undefined` if none is known. */
export const extensionOf = (mediaType: string): string | undefined => extensions.get(mediaType)
