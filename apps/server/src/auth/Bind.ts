/** Which addresses the server may listen on (X2). Pure. */
import { isIP } from "node:net"
import { Either, Schema } from "effect"

export class BindRefused extends Schema.TaggedError<BindRefused>()("BindRefused", {
  host: Schema.String,
  message: Schema.String
}) {}

/** Names and addresses that only this machine can reach. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "")
  if (name === "localhost" || name.endsWith(".localhost")) return true
  if (isIP(name) === 4) return name.startsWith("127.")
  return name === "::1" || name === "0:0:0:0:0:0:0:1" || name.startsWith("::ffff:127.")
}

/** Whether other machines may reach the server: by its address, or through a proxy that an option names. */
export const isReachable = (options: {
  readonly host: string
  readonly allowedHosts?: ReadonlyArray<string>
  readonly publicUrl?: string | undefined
  readonly trustProxy?: ReadonlyArray<string>
}): boolean =>
  [options.host, ...(options.allowedHosts ?? [])].some((name) => !isLoopback(name)) ||
  (options.publicUrl !== undefined && !isLoopback(new URL(options.publicUrl).hostname)) ||
  (options.trustProxy ?? []).length > 0

/** Without authentication, fails for an address that other machines can reach, and for pages of other origins. */
export const checkBind = (
  host: string,
  auth: boolean,
  allowedOrigins: ReadonlyArray<string> = []
): Either.Either<void, BindRefused> => {
  if (auth) return Either.void
  if (!isLoopback(host))
    return Either.left(
      new BindRefused({
        host,
        message: `Refusing to listen on ${host} without authentication: every program that can reach it could run commands here. Drop --no-auth, or listen on 127.0.0.1.`
      })
    )
  const [origin] = allowedOrigins
  return origin === undefined
    ? Either.void
    : Either.left(
        new BindRefused({
          host,
          message: `Refusing to allow ${origin} without authentication: a page of that origin could run commands here without a token. Drop --no-auth or --allow-origin.`
        })
      )
}
