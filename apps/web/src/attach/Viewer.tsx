/** Shows an image in full size, over the page. Escape closes it and returns the focus to the thumbnail. */
import type { Attachment } from "@millrace/contracts/Attachment"
import { useEffect, useRef, useSyncExternalStore } from "react"
import { Icon } from "../ui/Icon.tsx"
import { size } from "../ui/Size.ts"

export const urlOf = ({ blob }: Pick<Attachment, "blob">): string => `/api/blobs/${blob}`

let shown: Attachment | undefined
const listeners = new Set<() => void>()
const set = (next: Attachment | undefined) => {
  shown = next
  for (const listener of listeners) listener()
}
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Opens the image. It stays open if the view behind it removes the thumbnail. */
export const open = (image: Attachment): void => set(image)

export const Viewer = () => {
  const image = useSyncExternalStore(subscribe, () => shown)
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (image !== undefined && dialog.current?.open === false) dialog.current.showModal()
  }, [image])
  if (image === undefined) return null
  return (
    <dialog ref={dialog} className="viewer" aria-label={image.name} onClose={() => set(undefined)}>
      <header>
        <b>{image.name}</b>
        <span>{size(image.bytes)}</span>
        <a className="button" href={urlOf(image)} download={image.name}>
          Download
        </a>
        <button type="button" className="quiet icon-only" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <img src={urlOf(image)} alt={image.name} />
    </dialog>
  )
}
