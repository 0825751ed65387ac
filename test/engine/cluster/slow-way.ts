import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server on 127.0.0.1 on which each connection waits before it goes through, as at a busy machine. */
export interface SlowWay {
  url: string;
  close(): Promise<void>;
}

export async function slowWay(url: string, delayMs: number): Promise<SlowWay> {
  const sockets = new Set<Socket>();
  const remember = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    remember(near);
    setTimeout(() => {
      const far = connect(Number(new URL(url).port), "127.0.0.1");
      remember(far);
      near.pipe(far).pipe(near);
    }, delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
