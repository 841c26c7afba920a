/** The client's only retry schedule: exponential from 200 ms, at most 10 s, with a random change of up to 50 % in both directions. Uses Clock and Random. */
import { Schedule } from "effect"

export const backoff: Schedule.Schedule<unknown> = Schedule.exponential("200 millis", 2).pipe(
  Schedule.union(Schedule.spaced("10 seconds")),
  Schedule.jitteredWith({ min: 0.5, max: 1.5 })
)
