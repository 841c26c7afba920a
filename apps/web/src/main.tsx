/**
 * Entry point of the page. What it shows is folded from the log, and each change is a command. The browser's clock and timers decide only how things
 * are drawn (ages, a notice that disappears, a filter that waits for the next key).
 */
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { App } from "./views/App.tsx"
import { apply } from "./ui/Theme.ts"

apply()
const root = document.getElementById("root")
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>
  )
