/** A dialog over the page. Escape closes it. When it closes or is removed, the focus returns to where it was. */
import { type ReactNode, useLayoutEffect, useRef } from "react"

export const Dialog = (props: {
  readonly label: string
  readonly className: string
  readonly onClose: () => void
  readonly children: ReactNode
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const node = dialog.current
    if (node?.open === false) node.showModal()
    // A browser returns the focus only from a dialog that is closed before it leaves the document.
    return () => node?.close()
  }, [])
  return (
    <dialog ref={dialog} className={props.className} aria-label={props.label} onClose={props.onClose}>
      {props.children}
    </dialog>
  )
}
