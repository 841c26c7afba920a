/** WebSockets for Node, with the token in a header of the upgrade request (X1). Needed because Node 20 has no WebSocket. Not for browsers. */
import { WebSocket } from "ws"

export const open =
  (token: string | undefined) =>
  (url: string): globalThis.WebSocket =>
    new WebSocket(url, {
      handshakeTimeout: 30_000,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
      // The library has the same interface under a different type.
    }) as unknown as globalThis.WebSocket
