/** Links that open a file of the server's machine in an editor. The choice is stored in this browser. */
const key = "millrace.editor"

export const editors = { vscode: "VS Code", cursor: "Cursor", zed: "Zed" } as const
export type Editor = keyof typeof editors

const isEditor = (name: string | null): name is Editor => name !== null && Object.hasOwn(editors, name)

export const chosenEditor = (): Editor => {
  const kept = localStorage.getItem(key)
  return isEditor(kept) ? kept : "vscode"
}
/** Ignores a name that is no editor. */
export const chooseEditor = (name: string): Editor => {
  if (isEditor(name)) localStorage.setItem(key, name)
  return chosenEditor()
}

/** `path`: absolute. */
export const editorHref = (editor: Editor, path: string, line?: number): string =>
  `${editor}://file${path.split("/").map(encodeURIComponent).join("/")}${line === undefined ? "" : `:${line}`}`

/** The root of the work tree. `prefix`: the thread's directory below it. `undefined` if `cwd` leads there by a link. */
export const rootOf = (cwd: string, prefix = ""): string | undefined => {
  if (prefix === "") return cwd
  return `${cwd}/`.endsWith(`/${prefix}`) ? cwd.slice(0, -prefix.length) : undefined
}
