/** Files for the page: chosen by its button, pasted, dropped. */
import type { Locator, Page } from "playwright-core"
import { base64 } from "@millrace/testing/Shot"

export interface TestFile {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** A picture of one pixel. */
export const shot: TestFile = { name: "shot.png", mimeType: "image/png", buffer: Buffer.from(base64, "base64") }
export const notes: TestFile = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("some notes") }

/** Presses the button with the keyboard, and chooses the files in the dialog that opens. */
export const choose = async (page: Page, ...files: ReadonlyArray<TestFile>): Promise<void> => {
  const chooser = page.waitForEvent("filechooser")
  await page.getByRole("button", { name: "Attach files" }).press("Enter")
  await (await chooser).setFiles([...files])
}

/** Dispatches an event with the files, as the browser does when they are pasted into the field or dropped on it. */
export const give = (field: Locator, how: "paste" | "drop", file: TestFile, text = ""): Promise<void> =>
  field.evaluate(
    (node, { base64, how, mimeType, name, text }) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], name, { type: mimeType }))
      if (text !== "") data.setData("text/plain", text)
      const options = { bubbles: true, cancelable: true }
      if (how === "drop") node.dispatchEvent(new DragEvent("dragover", { ...options, dataTransfer: data }))
      node.dispatchEvent(
        how === "drop"
          ? new DragEvent("drop", { ...options, dataTransfer: data })
          : new ClipboardEvent("paste", { ...options, clipboardData: data })
      )
    },
    { base64: file.buffer.toString("base64"), how, mimeType: file.mimeType, name: file.name, text }
  )
