/**
 * The page: the shell over the store. Everything it shows is folded from the log; everything it does is a command. An edge: its clock and its timers
 * are the browser's, and decide only how something is drawn (ages, a notice that goes, a filter that waits for the next key).
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
