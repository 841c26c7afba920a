/** WebSockets for Node, with the token in a header of the upgrade request (X1). Node 20 has no WebSocket. Do not use it in a browser. */
import { WebSocket } from "ws"

export const open =
  (token: string | undefined) =>
  (url: string): globalThis.WebSocket =>
    new WebSocket(url, {
      handshakeTimeout: 30_000,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
      // The declared types differ, but the class behaves like the standard `WebSocket`.
    }) as unknown as globalThis.WebSocket
