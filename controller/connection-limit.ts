import type { Socket } from "node:net";

/** The connections of a server. */
export interface ConnectionLimit {
  /** Counts a new connection. It always gets in: another one goes where there are too many. */
  add(socket: Socket): void;
  /** Something was answered on it, so whoever is at its other end is no mere holder of connections. */
  answered(socket: Socket): void;
}

/** The connections of one peer, each kind oldest first. */
interface Peer {
  /** On which nothing was ever answered. */
  readonly silent: Set<Socket>;
  /** In the order of their last answer. */
  readonly known: Set<Socket>;
}

/**
 * Keeps a server from having more connections than so many, and from being closed to new ones by somebody who opens as
 * many as there may be and says nothing: where a server that is full refuses who comes, here one goes of the peer that
 * has most, the oldest on which nothing was ever answered.
 */
export function limitConnections(most: number): ConnectionLimit {
  const peers = new Map<string, Peer>();
  // A socket that is closed does not know its address any more.
  const addresses = new Map<Socket, string>();
  const remove = (socket: Socket): void => {
    const address = addresses.get(socket) ?? "";
    const peer = peers.get(address);
    addresses.delete(socket);
    peer?.silent.delete(socket);
    peer?.known.delete(socket);
    if (peer !== undefined && sizeOf(peer) === 0) peers.delete(address);
  };
  const makeRoom = (): void => {
    let largest: Peer | undefined;
    for (const peer of peers.values()) {
      if (largest === undefined || sizeOf(peer) > sizeOf(largest)) largest = peer;
    }
    if (largest === undefined) return;
    const [oldest] = largest.silent.size > 0 ? largest.silent : largest.known;
    if (oldest === undefined) return;
    remove(oldest);
    oldest.destroy();
  };
  return {
    add: (socket) => {
      if (addresses.size >= most) makeRoom();
      const address = socket.remoteAddress ?? "";
      const peer = peers.get(address) ?? { silent: new Set(), known: new Set() };
      peers.set(address, peer);
      peer.silent.add(socket);
      addresses.set(socket, address);
      socket.once("close", () => remove(socket));
    },
    answered: (socket) => {
      const peer = peers.get(addresses.get(socket) ?? "");
      if (peer?.silent.delete(socket) === true || peer?.known.delete(socket) === true) peer.known.add(socket);
    },
  };
}

function sizeOf({ silent, known }: Peer): number {
  return silent.size + known.size;
}
