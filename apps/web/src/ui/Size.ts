/** Formats numbers of bytes for people. */
const units = ["B", "KiB", "MiB", "GiB", "TiB"]

/** A size in bytes as text, in the largest unit that gives at least 1, with three digits. */
export const size = (bytes: number): string => {
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  const value = bytes / 1024 ** unit
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]!}`
}
