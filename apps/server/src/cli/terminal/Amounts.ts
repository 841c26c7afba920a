/** Formats numbers for people. */
import { Duration } from "effect"

export const count = (value: number): string => Math.round(value).toLocaleString("en-US")

/** `1 event`, `2,000 events`. */
export const plural = (value: number, one: string, more = `${one}s`): string => `${count(value)} ${value === 1 ? one : more}`

export const mebi = 1_048_576

export const size = (bytes: number): string =>
  bytes >= 1_024 * mebi
    ? `${(bytes / 1_024 / mebi).toFixed(1)} GiB`
    : bytes >= mebi
      ? `${count(bytes / mebi)} MiB`
      : `${count(Math.ceil(bytes / 1_024))} KiB`

/** Formats a duration in seconds, without its sign, in its two largest units: `3m 20s`. */
export const span = (seconds: number): string =>
  Duration.format(Duration.seconds(Math.round(Math.abs(seconds))))
    .split(" ")
    .slice(0, 2)
    .join(" ")
