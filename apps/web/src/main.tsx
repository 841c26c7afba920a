/**
 * The page: the shell over the store. Everything it shows is folded from the log; everything it does is a command. An edge: the browser's clock and timers
 * decide only how things are drawn (ages, a notice that disappears, a filter that waits for the next key).
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
