/** WebSockets for Node, with the token in a header of the upgrade request (X1). Node 20 has no WebSocket. Do not use it in a browser. */
import { WebSocket } from "ws"

export const open =
  (token: string | undefined) =>
  (url: string): globalThis.WebSocket =>
    new WebSocket(url, {
      handshakeTimeout: 30_000,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
      // The library's type differs, its interface is the same.
    }) as unknown as globalThis.WebSocket
