/** The colour theme: light, dark, or that of the system. Stored in this browser. */
export type Theme = "system" | "light" | "dark"
const key = "millrace.theme"

export const theme = (): Theme => {
  const kept = localStorage.getItem(key)
  return kept === "light" || kept === "dark" ? kept : "system"
}

export const apply = (next: Theme = theme()): void => {
  if (next === "system") {
    localStorage.removeItem(key)
    delete document.documentElement.dataset["theme"]
  } else {
    localStorage.setItem(key, next)
    document.documentElement.dataset["theme"] = next
  }
}
