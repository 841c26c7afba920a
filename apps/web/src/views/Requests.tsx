/** The open requests, and the requests that were settled recently. */
import { useStore } from "../store/useStore.ts"
import { RequestCard, SettledCard } from "./RequestCard.tsx"

export const Requests = () => {
  const requests = useStore((state) => state.world?.requests)
  const settled = useStore((state) => state.world?.settled)
  const open = Object.values(requests ?? {}).toSorted((a, b) => a.openedAt.localeCompare(b.openedAt))
  return (
    <div className="page">
      <h1>Requests</h1>
      {open.length === 0 && <p className="nothing">No open requests.</p>}
      {open.map((request) => (
        <RequestCard key={request.requestId} request={request} linked />
      ))}
      {settled !== undefined && settled.length > 0 && (
        <section>
          <h2>Settled recently</h2>
          {settled.toReversed().map((one) => (
            <SettledCard key={one.request.requestId} settled={one} linked />
          ))}
        </section>
      )}
    </div>
  )
}
