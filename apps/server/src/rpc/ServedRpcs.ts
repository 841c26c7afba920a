/** The RPC group of the contract as this server handles it: payloads arrive undecoded, and the frames of `follow` are texts. */
import { Rpc, RpcGroup, RpcSchema } from "@effect/rpc"
import { Option, Schema } from "effect"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import { CallerOfConnection } from "./Caller.ts"
import { FrameText } from "./FrameText.ts"

const Text = Schema.instanceOf(FrameText)

type Call = RpcGroup.Rpcs<typeof MillraceRpcs>
type SuccessOf<Success extends Schema.Schema.Any> =
  Success extends RpcSchema.Stream<infer _, infer Failure> ? RpcSchema.Stream<typeof Text, Failure> : Success
type Served<R> =
  R extends Rpc.Rpc<infer Tag, infer _, infer Success, infer Failed, infer Middleware>
    ? Rpc.Rpc<Tag, typeof Schema.Unknown, SuccessOf<Success>, Failed, Middleware | typeof CallerOfConnection>
    : never

const successOf = (schema: Schema.Schema.Any): Schema.Schema.Any =>
  Option.match(RpcSchema.getStreamSchemas(schema.ast), {
    onNone: () => schema,
    onSome: ({ failure }) => RpcSchema.Stream({ success: Text, failure })
  })

/** `Handlers` decodes the payloads, so that a malformed one is a `BadRequest` of its call. The library would answer with a defect. */
export const ServedRpcs = RpcGroup.make(
  ...Array.from(MillraceRpcs.requests.values(), ({ _tag, errorSchema, successSchema }) =>
    Rpc.make<string, typeof Schema.Unknown, Schema.Schema.Any, Schema.Schema.All>(_tag, {
      payload: Schema.Unknown,
      success: successOf(successSchema),
      error: errorSchema
    })
  )
  // The tags are those of the contract. `Array.from` loses their types.
).middleware(CallerOfConnection) as unknown as RpcGroup.RpcGroup<Served<Call>>
