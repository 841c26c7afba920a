/** Shared by the promise interfaces of the host and the client: methods that return promises, and sources of bytes. */
import { Cause, type Effect, Exit, Stream } from "effect"
import * as Iterable from "./Iterable.ts"
import { splitPair } from "./Text.ts"

type Success<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

/** A method that returns an effect, converted to a method that returns a promise. An effect becomes a method without parameters. */
export type Promised<Service, K extends keyof Service> = Service[K] extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Success<Result>>
  : () => Promise<Success<Service[K]>>

/** The value of the exit. Throws the typed error itself, or the defect. */
export const settle = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/** A document as a whole or in parts of any length. A part may end inside a line; a part of bytes may also end inside a character. */
export type Source = string | Uint8Array | AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>

/** A text may end between the two halves of a surrogate pair, so its last half is held until the next part. */
const encoded = async function* (parts: Exclude<Source, string | Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let half = ""
  for await (const part of parts) {
    if (typeof part !== "string") {
      if (half !== "") yield encoder.encode(half)
      half = ""
      yield part
      continue
    }
    const [whole, rest] = splitPair(half + part)
    half = rest
    yield encoder.encode(whole)
  }
  if (half !== "") yield encoder.encode(half)
}

const wholeOf = (source: Source): Uint8Array | undefined => {
  if (typeof source === "string") return new TextEncoder().encode(source)
  return source instanceof Uint8Array ? source : undefined
}

/** Runs `use` with the bytes of the source. They can be read once. If the source throws, the promise rejects with the same error. */
export const withBytes = async <A>(source: Source, use: (bytes: Stream.Stream<Uint8Array>) => Promise<A>): Promise<A> => {
  const bytes = wholeOf(source)
  if (bytes !== undefined) return use(Stream.make(bytes))
  let broken: { readonly cause: unknown } | undefined
  const parts = Iterable.toStream(encoded(source as Exclude<Source, string | Uint8Array>), (cause) => {
    broken = { cause }
    return cause
  })
  try {
    return await use(Stream.orDie(parts))
  } catch (error) {
    throw broken === undefined ? error : broken.cause
  }
}
