/**
 * The last part of a restore: puts the restored files, which are complete in `restore.ready`, in the place of the old ones. Each step can be repeated,
 * so a restore that is interrupted here is finished by the next owner of the directory (L18). Nothing is deleted: the old files are moved.
 *
 *   restore.partial   being built; worthless after a crash
 *   restore.ready     `new` is complete, the old files are being moved to `old`
 *   restore.placing   `new` is being moved to the directory
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as DataFiles from "../DataFiles.ts"
import { sync } from "./Objects.ts"

export const partial = "restore.partial"
const ready = "restore.ready"
const placing = "restore.placing"

/** The points at which a test can kill the process. */
export type Step = "ready" | "moved" | "placing" | "placed" | "done"

/** The entries that a restore moves aside. */
export const replacedBy = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory).filter((name) => !DataFiles.of(name).stays)

/** A name for the old files that is not used yet. */
const aside = (directory: string): string => {
  for (let n = 1; ; n++) if (!existsSync(join(directory, `replaced-${n}`))) return join(directory, `replaced-${n}`)
}

const move = (from: string, to: string, names: ReadonlyArray<string>, onMoved: () => void): void => {
  for (const name of names) {
    renameSync(join(from, name), join(to, name))
    onMoved()
  }
  sync(to)
  sync(from)
}

/** Declares `restore.partial` complete. From here on the restore is finished, now or by the next start. */
export const commit = (directory: string): void => {
  mkdirSync(join(directory, partial, "old"), { recursive: true, mode: 0o700 })
  renameSync(join(directory, partial), join(directory, ready))
  sync(directory)
}

/** Finishes a committed restore, if there is one. The caller owns the directory. Returns the path of the old files, or `undefined` if there are none. */
export const finish = (directory: string, onStep: (step: Step) => void = () => {}): string | undefined => {
  if (existsSync(join(directory, ready))) {
    onStep("ready")
    move(directory, join(directory, ready, "old"), replacedBy(directory), () => onStep("moved"))
    renameSync(join(directory, ready), join(directory, placing))
    sync(directory)
  }
  const from = join(directory, placing)
  if (!existsSync(from)) return undefined
  onStep("placing")
  const fresh = join(from, "new")
  // The last step of the crashed run may have removed the folder.
  if (existsSync(fresh)) move(fresh, directory, readdirSync(fresh), () => onStep("placed"))
  rmSync(fresh, { recursive: true, force: true })
  const old = join(from, "old")
  const isEmpty = !existsSync(old) || readdirSync(old).length === 0
  const kept = isEmpty ? undefined : aside(directory)
  if (kept !== undefined) renameSync(old, kept)
  rmSync(from, { recursive: true, force: true })
  sync(directory)
  onStep("done")
  return kept
}
