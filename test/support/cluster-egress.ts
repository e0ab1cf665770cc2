import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

/**
 * Where the API server's connections to pods end. The API server forwards to no loopback address, so the pods of a test
 * cluster have addresses that no machine has, and the API server reaches them through this proxy: no network interface
 * and no right to make one is needed.
 */
export interface Egress {
  /** The configuration that the API server is started with. */
  readonly configuration: object;
  /** Gives a pod an address. @param target - Where its ports are served, by port. */
  addPod(target: PodTarget): string;
  removePod(address: string): void;
  close(): Promise<void>;
}

/** A host of this machine, and its port for each port of the pod that differs. */
export interface PodTarget {
  readonly host: string;
  readonly ports?: Readonly<Record<number, number>>;
}

/** Listens on a socket in the folder, in this process. */
export async function openEgress(folder: string): Promise<Egress> {
  const pods = new Map<string, PodTarget>();
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer();
  server.on("connect", (request, client: Socket) => {
    const [address = "", port = ""] = (request.url ?? "").split(":");
    const target = pods.get(address);
    client.on("error", () => client.destroy());
    if (target === undefined) {
      client.end("HTTP/1.1 502 no such pod\r\n\r\n");
      return;
    }
    const pod = connect({ host: target.host, port: target.ports?.[Number(port)] ?? Number(port) });
    track(pod);
    const refuse = (): void => void client.end("HTTP/1.1 502 connection refused\r\n\r\n");
    pod.once("error", refuse);
    pod.once("connect", () => {
      pod.off("error", refuse);
      pod.on("error", () => client.destroy());
      client.write("HTTP/1.1 200 connected\r\n\r\n");
      pod.pipe(client).pipe(pod);
    });
    client.on("close", () => pod.destroy());
  });
  server.on("connection", track);
  const socket = join(folder, "egress.sock");
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  let last = 0;
  return {
    configuration: {
      apiVersion: "apiserver.k8s.io/v1beta1",
      kind: "EgressSelectorConfiguration",
      egressSelections: [
        {
          name: "cluster",
          connection: { proxyProtocol: "HTTPConnect", transport: { uds: { udsName: socket } } },
        },
      ],
    },
    addPod: (target) => {
      last += 1;
      const address = `10.213.0.${last}`;
      pods.set(address, target);
      return address;
    },
    removePod: (address) => void pods.delete(address),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
