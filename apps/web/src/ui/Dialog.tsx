/** A dialog over the page. Escape closes it; the focus then returns to where it was. */
import { type ReactNode, useEffect, useRef } from "react"

export const Dialog = (props: {
  readonly label: string
  readonly className: string
  readonly onClose: () => void
  readonly children: ReactNode
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal()
  }, [])
  return (
    <dialog ref={dialog} className={props.className} aria-label={props.label} onClose={props.onClose}>
      {props.children}
    </dialog>
  )
}
