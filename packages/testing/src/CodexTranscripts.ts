/** The recorded conversations with the real Codex, as lines. */
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"

export interface Line {
  readonly dir: "in" | "out" | "note"
  readonly client?: string
  readonly msg: {
    readonly id?: string | number
    readonly method?: string
    readonly params?: unknown
    readonly result?: unknown
    readonly error?: { readonly code: number; readonly message: string }
    /** Set only in lines that are notes. */
    readonly exit?: { readonly code: number | null; readonly signal: string | null }
    readonly action?: string
  }
}

const folder = join(import.meta.dirname, "../../providers/test/codex/fixtures")

export const names: ReadonlyArray<string> = readdirSync(folder)
  .filter((file) => file.endsWith(".jsonl"))
  .map((file) => file.slice(0, -".jsonl".length))

export const read = (name: string): ReadonlyArray<Line> =>
  readFileSync(join(folder, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
