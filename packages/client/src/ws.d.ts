/** The part of `ws` that this package uses. The server is for tests. */
declare module "ws" {
  interface Options {
    readonly headers?: Readonly<Record<string, string>>
    readonly handshakeTimeout?: number
  }
  export const WebSocket: new (url: string, options?: Options) => object
  interface Peer {
    readonly on: (event: "message", listener: (data: { readonly toString: () => string }) => void) => void
    readonly send: (text: string) => void
    readonly terminate: () => void
  }
  export class WebSocketServer {
    constructor(options: { readonly host: string; readonly port: number })
    readonly clients: ReadonlySet<Peer>
    address(): { readonly port: number }
    on(event: "connection", listener: (peer: Peer) => void): void
    on(event: "listening", listener: () => void): void
    close(done: () => void): void
  }
}
