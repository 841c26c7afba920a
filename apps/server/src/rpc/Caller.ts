/** Who makes an RPC call. A middleware of the group takes it from the upgrade request of the connection and provides it to each handler. */
import { Socket } from "@effect/platform"
import { RpcMiddleware } from "@effect/rpc"
import { Context, Effect, Layer, Option } from "effect"
import { Session } from "../auth/Session.ts"
import type * as Strict from "../http/Strict.ts"
import type { TextSocket } from "./FollowMessages.ts"

/** How the payloads of a connection are decoded: decided when it opens. */
export class DecodeMode extends Context.Tag("@millrace/server/rpc/DecodeMode")<DecodeMode, Strict.Mode>() {}

/** The `ws` package's socket, with methods that the browsers' interface lacks. */
export interface CallSocket extends TextSocket {
  readonly pause: () => void
  readonly resume: () => void
}

export class Caller extends Context.Tag("@millrace/server/rpc/Caller")<
  Caller,
  { readonly session: Session["Type"]; readonly socket: CallSocket; readonly mode: Strict.Mode }
>() {}

export class CallerOfConnection extends RpcMiddleware.Tag<CallerOfConnection>()("@millrace/server/rpc/CallerOfConnection", {
  provides: Caller
}) {}

/** The fibers of a connection inherit the context of its upgrade request, but their types do not have it. A call without a session is a defect (X1). */
export const layer = Layer.succeed(CallerOfConnection, () =>
  Effect.map(Effect.context<never>(), (context) => {
    const inherited = <Id, Service>(tag: Context.Tag<Id, Service>): Service =>
      Option.getOrThrowWith(Context.getOption(context, tag), () => new Error(`an RPC call without ${tag.key}`))
    // In Node, the platform makes the socket with the `ws` package.
    const socket = inherited(Socket.WebSocket) as unknown as CallSocket
    return { session: inherited(Session), socket, mode: inherited(DecodeMode) }
  })
)
