import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import { failed } from "./Failure.ts"
import * as Flags from "./Flags.ts"
export const command = Command.make("serve", { data: Flags.data }, () => Effect.fail(failed("not yet")))
