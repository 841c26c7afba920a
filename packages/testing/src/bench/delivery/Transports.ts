/**
 * The processor time of the server process per delivered event, over SSE and over RPC: the same rows of the log, the same number of subscribers, in
 * alternating rounds. The clients are in the process of the bench, and neither decodes what it receives.
 */
import type { Child } from "./Child.ts"
import * as RpcReader from "./RpcReader.ts"
import { closeAll, cursor, eventsUrl, headOf, median, openMany } from "./Readers.ts"

export interface Transports {
  readonly readers: number
  readonly events: number
  /** Microseconds of processor time per event and subscriber; the median of the rounds, with all of them. */
  readonly sse: number
  readonly rpc: number
  readonly sseRounds: ReadonlyArray<number>
  readonly rpcRounds: ReadonlyArray<number>
  /** `rpc / sse`: the median of the rounds' ratios. */
  readonly ratio: number
}

const cpuOf = async (server: Child) => (await server.ask({ op: "cpu" })).cpuMillis ?? Number.NaN

export const measure = async (
  server: Child,
  { events, readers, rounds }: { readonly events: number; readonly readers: number; readonly rounds: number }
): Promise<Transports> => {
  const after = cursor(server, (await headOf(server)) - events)
  const micros = async (read: () => Promise<unknown>) => {
    const before = await cpuOf(server)
    await read()
    return (((await cpuOf(server)) - before) * 1000) / (events * readers)
  }
  const sse = () =>
    micros(async () => {
      const all = await openMany(readers, () => ({ url: `${eventsUrl(server)}?after=${after}` }))
      await Promise.all(all.map((reader) => reader.until("event: caught-up")))
      closeAll(all)
    })
  const rpc = () =>
    micros(async () => {
      const all = await Promise.all(Array.from({ length: readers }, () => RpcReader.follow(server.ready.url ?? "", after)))
      for (const socket of all) socket.destroy()
    })
  // V8 compiles both paths before they count.
  await sse()
  await rpc()
  const found: Array<readonly [sse: number, rpc: number]> = []
  while (found.length < rounds) found.push([await sse(), await rpc()])
  const [sseRounds, rpcRounds] = [found.map(([sse]) => sse), found.map(([, rpc]) => rpc)]
  return {
    readers,
    events,
    sse: median(sseRounds),
    rpc: median(rpcRounds),
    sseRounds,
    rpcRounds,
    ratio: median(found.map(([sse, rpc]) => rpc / sse))
  }
}
