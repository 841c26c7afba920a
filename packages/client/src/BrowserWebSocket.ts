/** The WebSocket of a browser, with the token as a subprotocol. Without a token the browser sends its session cookie. */
import { socketProtocols } from "@millrace/contracts/Access"

export const open =
  (token: string) =>
  (url: string): globalThis.WebSocket =>
    new globalThis.WebSocket(url, socketProtocols(token))
