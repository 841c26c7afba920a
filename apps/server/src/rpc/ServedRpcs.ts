/** The RPC group of the contract as this server handles it: payloads arrive undecoded, and a stream sends its frames itself (FollowMessages.ts). */
import { Rpc, RpcGroup, RpcSchema } from "@effect/rpc"
import { Option, Schema } from "effect"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { CallerOfConnection } from "./Caller.ts"
import { FollowRequest } from "./FollowMessages.ts"

const Follow = Schema.instanceOf(FollowRequest)

type Call = RpcGroup.Rpcs<typeof MillraceRpcs>
type Served<R> =
  R extends Rpc.Rpc<infer Tag, infer _, infer Success, infer Failed, infer Middleware>
    ? Success extends RpcSchema.Stream<infer _, infer Failure>
      ? Rpc.Rpc<Tag, typeof Follow, RpcSchema.Stream<typeof Schema.Void, Failure>, Failed, Middleware | typeof CallerOfConnection>
      : Rpc.Rpc<Tag, typeof Schema.Unknown, Success, Failed, Middleware | typeof CallerOfConnection>
    : never

const served = (success: Schema.Schema.Any): { readonly payload: Schema.Schema.Any; readonly success: Schema.Schema.Any } =>
  Option.match(RpcSchema.getStreamSchemas(success.ast), {
    onNone: () => ({ payload: Schema.Unknown, success }),
    onSome: ({ failure }) => ({ payload: Follow, success: RpcSchema.Stream({ success: Schema.Void, failure }) })
  })

/** `Handlers` decodes the payloads, so that a malformed payload is a `BadRequest` of its call. The library would answer with a defect. */
export const ServedRpcs = RpcGroup.make(
  ...Array.from(MillraceRpcs.requests.values(), ({ _tag, errorSchema, successSchema }) =>
    Rpc.make<string, Schema.Schema.Any, Schema.Schema.Any, Schema.Schema.All>(_tag, {
      ...served(successSchema),
      error: errorSchema
    })
  )
  // The tags are those of the contract. `Array.from` loses their types.
).middleware(CallerOfConnection) as unknown as RpcGroup.RpcGroup<Served<Call>>
