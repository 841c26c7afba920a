/** The checks of a running server. They read its HTTP interface. */
import { Ready } from "@millrace/contracts/Ready"
import { Clock, Effect, Either, Option, Schema } from "effect"
import { messageOf } from "../../NodeError.ts"
import * as Connect from "../client/Connect.ts"
import type * as Discovery from "../client/Discovery.ts"
import { failed } from "../Failure.ts"
import { agent } from "./AgentChecks.ts"
import { type Check, millisOf, type Where } from "./Check.ts"
import * as Findings from "./Findings.ts"
import { history } from "./HistoryCheck.ts"

const textOf = ({ token, url }: Discovery.Found, path: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`${url}${path}`, {
        signal,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` }
      })
      if (!response.ok) throw new Error(`${path} answers ${response.status}`)
      return response.text()
    },
    catch: (cause) => failed(messageOf(cause))
  })

const decodeReady = Schema.decodeUnknownEither(Schema.parseJson(Ready))

/** The reason that `/ready` reports when the server accepts no commands. */
const readiness = ({ url }: Discovery.Found): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.tryPromise(async (signal) => (await fetch(`${url}/ready`, { signal })).text()).pipe(
    Effect.map((text): ReadonlyArray<Check> => {
      const ready = Either.getOrUndefined(decodeReady(text))
      return ready?.status === "unavailable"
        ? [
            {
              name: "storage",
              status: "wrong",
              found: ready.reason ?? "unavailable",
              fix: "The server accepts no commands until this is fixed."
            }
          ]
        : []
    }),
    // The other checks report a server that does not answer.
    Effect.orElseSucceed((): ReadonlyArray<Check> => [])
  )

/** A proxy in front of the server may answer with any text. */
const readEvents = Schema.decodeUnknownOption(Schema.parseJson(Schema.Array(Schema.Struct({ at: Schema.String }))))

/** The checks of a running server: its log, storage, metrics and agents. */
export const ofServer = (found: Discovery.Found, { dataDir }: Where) =>
  Effect.gen(function* () {
    const series = Findings.parse(yield* textOf(found, "/metrics"))
    const { millrace } = yield* Connect.server({ dataDir, url: undefined })
    const { logEpoch, offset } = yield* millrace.state
    const log: Check = { name: "log", status: "ok", found: `${offset} events, epoch ${logEpoch}` }
    const newest = yield* textOf(found, `/api/events?since=${Math.max(0, offset - 1)}&limit=1`)
    const lastEventAt = millisOf(Option.getOrUndefined(readEvents(newest))?.[0]?.at)
    const facts = { running: true, now: yield* Clock.currentTimeMillis, lastEventAt, series }
    const stored = [...(yield* readiness(found)), ...(yield* history(dataDir))]
    return [log, ...stored, ...Findings.of(facts), ...(yield* millrace.providers).map(agent)]
  })
