/** Files that are pasted or dropped. */

/** The files and the names of the folders of a drop: a browser shows a folder as a file that cannot be read. */
export const dropped = (data: DataTransfer): { readonly files: ReadonlyArray<File>; readonly folders: ReadonlyArray<string> } => {
  const files: Array<File> = []
  const folders: Array<string> = []
  for (const item of data.items) {
    if (item.kind !== "file") continue
    const entry = item.webkitGetAsEntry()
    const file = item.getAsFile()
    if (entry?.isDirectory === true) folders.push(entry.name)
    else if (file !== null) files.push(file)
  }
  return { files, folders }
}

/** The pasted files; none if there is text too: office programs add a picture of what they copy. */
export const pasted = (data: DataTransfer): ReadonlyArray<File> =>
  data.getData("text/plain") === "" ? Array.from(data.files) : []

export const hasFiles = (data: DataTransfer | null): data is DataTransfer => data?.types.includes("Files") === true
