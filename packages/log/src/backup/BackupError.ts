/** Why a backup or a restore was refused. */
import { Schema } from "effect"

export class BackupRefused extends Schema.TaggedError<BackupRefused>()("BackupRefused", {
  /**
   * `no-log`: there is nothing to back up. `foreign`: the directory holds something else. `occupied`: the target of a restore holds files that would be
   * replaced. `damaged`: the backup is incomplete or was changed. `newer`: a newer program wrote it. `schema`: the log has another
   * schema version than this program writes.
   */
  reason: Schema.Literal("no-log", "foreign", "inside", "busy", "space", "occupied", "damaged", "newer", "schema"),
  message: Schema.String
}) {}
