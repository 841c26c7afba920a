/** WebSockets for Node, with the token in the header of the upgrade (X1): an edge, Node 20 has no WebSocket of its own. Not for browsers. */
import { WebSocket } from "ws"

export const open =
  (token: string | undefined) =>
  (url: string): globalThis.WebSocket =>
    new WebSocket(url, {
      handshakeTimeout: 10_000,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
      // The same interface; the type of the library is its own.
    }) as unknown as globalThis.WebSocket
