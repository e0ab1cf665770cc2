import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A proxy of a test's own, which leads every name to this machine. */
export interface TestProxy {
  readonly port: number;
  /** The targets that were asked for, as `host:port`, each with the credentials if there were any. */
  readonly asked: readonly string[];
}

/** An HTTP proxy that knows `CONNECT`. @param refuse - The status it refuses with. */
export async function startHttpProxy(refuse?: number): Promise<TestProxy> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on("connect", (request, socket: Socket) => {
    const login = request.headers["proxy-authorization"];
    asked.push(`${request.url}${login === undefined ? "" : ` ${login}`}`);
    socket.on("error", () => undefined);
    if (refuse !== undefined) {
      socket.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
      return;
    }
    join(socket, Number(request.url?.split(":").at(-1)), () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
  });
  return { port: await listen(server), asked };
}

/** A SOCKS 5 proxy. @param login - `name:password` that it wants. */
export async function startSocksProxy(login?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const server = createServer(async (socket) => {
    socket.on("error", () => undefined);
    const chunks = socket.iterator({ destroyOnReturn: false });
    // Each message of the client comes in a packet of its own: it waits for every answer.
    const message = async (): Promise<Buffer> => (await chunks.next()).value ?? Buffer.alloc(0);
    const greeting = await message();
    const method = login === undefined ? 0 : 2;
    if (!greeting.subarray(2).includes(method)) {
      socket.end(Buffer.from([5, 0xff]));
      return;
    }
    socket.write(Buffer.from([5, method]));
    if (login !== undefined) {
      const words = await message();
      const name = words.subarray(2, 2 + words[1]!);
      const password = words.subarray(3 + words[1]!);
      const isRight = `${name}:${password}` === login;
      socket.write(Buffer.from([1, isRight ? 0 : 1]));
      if (!isRight) return;
    }
    const request = await message();
    const host = request.subarray(5, 5 + request[4]!).toString();
    const port = request.readUInt16BE(5 + request[4]!);
    asked.push(`${host}:${port}`);
    if (host === "refused.test") {
      socket.end(Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]));
      return;
    }
    await chunks.return?.();
    join(socket, port, () => socket.write(Buffer.from([5, 0, 0, 3, 1, 0x78, 0, 1])));
  });
  return { port: await listen(server), asked };
}

function join(socket: Socket, port: number, ready: () => void): void {
  const target = connect(port, "127.0.0.1", () => {
    ready();
    target.pipe(socket).pipe(target);
  });
  target.on("error", () => socket.destroy());
  socket.on("close", () => target.destroy());
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
