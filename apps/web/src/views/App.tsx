/** The shell: rail, banner of the connection, and the current view. */
import { lazy, Suspense, useEffect } from "react"
import { Viewer } from "../attach/Viewer.tsx"
import { useRoute } from "../ui/Route.ts"
import { useStore } from "../store/useStore.ts"
import { Banner } from "./Banner.tsx"
import { Home } from "./Home.tsx"
import { PhoneBar } from "./PhoneBar.tsx"
import { Rail } from "./Rail.tsx"
import { Requests } from "./Requests.tsx"
import { Unpaired } from "./Unpaired.tsx"

// Views that few people open are loaded on demand.
const Agents = lazy(async () => ({ default: (await import("./Agents.tsx")).Agents }))
const Log = lazy(async () => ({ default: (await import("./Log.tsx")).Log }))
const Sessions = lazy(async () => ({ default: (await import("./Sessions.tsx")).Sessions }))
const loadThread = () => import("./Thread.tsx")
const Thread = lazy(async () => ({ default: (await loadThread()).Thread }))
const Settings = lazy(async () => ({ default: (await import("./Settings.tsx")).Settings }))

const View = () => {
  const route = useRoute()
  switch (route.view) {
    case "thread":
      return <Thread key={route.threadId} threadId={route.threadId} />
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
  // Loaded in advance, so that a thread opens even if the server cannot be reached.
  useEffect(() => void loadThread(), [])
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
          <Suspense fallback={<div className="page loading" role="status" />}>
            <View />
          </Suspense>
        ) : (
          <div className="page loading" role="status">
            <span className="water" aria-hidden="true" />
            <p>Reading the log…</p>
          </div>
        )}
      </main>
      <Viewer />
    </div>
  )
}
