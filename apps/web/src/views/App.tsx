/** The shell: rail, banner of the connection, and the current view. */
import { useEffect } from "react"
import { Viewer } from "../attach/Viewer.tsx"
import { useOverlay, useShortcuts } from "../ui/Overlay.ts"
import { part } from "../ui/Part.tsx"
import { useRoute } from "../ui/Route.ts"
import { useStore } from "../store/useStore.ts"
import { Banner } from "./Banner.tsx"
import { Home } from "./Home.tsx"
import { PhoneBar } from "./PhoneBar.tsx"
import { Rail } from "./Rail.tsx"
import { Unpaired } from "./Unpaired.tsx"

const Agents = part(async () => (await import("./Agents.tsx")).Agents)
const Log = part(async () => (await import("./Log.tsx")).Log)
const Palette = part(async () => (await import("./Palette.tsx")).Palette)
const Requests = part(async () => (await import("./Requests.tsx")).Requests)
const Sessions = part(async () => (await import("./Sessions.tsx")).Sessions)
const Settings = part(async () => (await import("./Settings.tsx")).Settings)
const Shortcuts = part(async () => (await import("./Shortcuts.tsx")).Shortcuts)
const Thread = part(async () => (await import("./Thread.tsx")).Thread)

const View = () => {
  const route = useRoute()
  switch (route.view) {
    case "thread":
      return <Thread key={route.threadId} threadId={route.threadId} changes={route.changes} />
    case "requests":
      return <Requests />
    case "log":
      return <Log />
    case "agents":
      return <Agents />
    case "sessions":
      return <Sessions />
    case "settings":
      return <Settings />
    case "home":
      return <Home />
  }
}

export const App = () => {
  const route = useRoute()
  const connection = useStore((state) => state.connection)
  const loaded = useStore((state) => state.world !== undefined)
  const waiting = useStore((state) => Object.keys(state.world?.requests ?? {}).length)
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) Millrace` : "Millrace"
  }, [waiting])
  // Loaded after the first view, so that a thread and its requests open even if the server cannot be reached.
  useEffect(() => {
    if (!loaded) return
    Thread.load()
    Requests.load()
  }, [loaded])
  const overlay = useOverlay()
  useShortcuts()
  if (connection.state === "unpaired") return <Unpaired />
  return (
    <div className={`shell at-${route.view}`} data-connection={connection.state}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Rail />
      <main id="main" tabIndex={-1}>
        {route.view !== "home" && route.view !== "thread" && <PhoneBar />}
        <Banner />
        {loaded ? (
          <View />
        ) : (
          <div className="page loading" role="status">
            <span className="water" aria-hidden="true" />
            <p>Reading the log…</p>
          </div>
        )}
      </main>
      {overlay === "palette" && <Palette />}
      {overlay === "shortcuts" && <Shortcuts />}
      <Viewer />
    </div>
  )
}
