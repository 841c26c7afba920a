/** The attachments of a prompt or of an item: images as thumbnails that open in full, other files as downloads with their size. */
import type { Attachment } from "@millrace/contracts/Attachment"
import { imageTypes } from "@millrace/contracts/MediaType"
import { useState } from "react"
import { Icon } from "../ui/Icon.tsx"
import { size } from "../ui/Size.ts"
import * as Viewer from "./Viewer.tsx"

/** A file as a download. Also for an image that the browser cannot show. */
const FileLink = ({ file }: { readonly file: Attachment }) => (
  <a className="file" href={Viewer.urlOf(file)} download={file.name}>
    <Icon name="file" />
    <span className="name">{file.name}</span>
    <span className="size">{size(file.bytes)}</span>
  </a>
)

/** An image small, as a button that opens it; `undefined` content: a download. */
export const Thumbnail = ({ file }: { readonly file: Attachment }) => {
  const [isBroken, setBroken] = useState(false)
  if (isBroken || !imageTypes.has(file.mediaType)) return <FileLink file={file} />
  return (
    <button
      type="button"
      className="thumbnail"
      aria-label={`Open ${file.name}`}
      title={file.name}
      onClick={() => Viewer.open(file)}
    >
      <img src={Viewer.urlOf(file)} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
    </button>
  )
}

export const Attachments = ({ files }: { readonly files: ReadonlyArray<Attachment> | undefined }) =>
  files === undefined || files.length === 0 ? null : (
    <ul className="attachments" aria-label="Attachments">
      {files.map((file, at) => (
        <li key={`${file.blob} ${at}`}>
          <Thumbnail file={file} />
        </li>
      ))}
    </ul>
  )
