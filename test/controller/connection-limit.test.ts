import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { limitConnections } from "../../controller/connection-limit.ts";

/** As much of a socket as matters here. */
class TestSocket extends EventEmitter {
  remoteAddress: string | undefined;
  destroyed = false;
  constructor(address: string) {
    super();
    this.remoteAddress = address;
  }
  destroy(): void {
    this.destroyed = true;
    this.remoteAddress = undefined;
    this.emit("close");
  }
}

function open(most: number) {
  const limit = limitConnections(most);
  const sockets: TestSocket[] = [];
  const asSocket = (socket: TestSocket) => socket as unknown as Socket;
  return {
    add: (address: string) => {
      const socket = new TestSocket(address);
      sockets.push(socket);
      limit.add(asSocket(socket));
      return socket;
    },
    answered: (socket: TestSocket) => limit.answered(asSocket(socket)),
    gone: () => sockets.flatMap(({ destroyed }, at) => (destroyed ? [at] : [])),
  };
}

test("who comes new gets in: of the peer that has most, the oldest goes on which nothing was answered", () => {
  const { add, answered, gone } = open(5);
  const first = add("a");
  for (const address of ["b", "a", "b", "a"]) add(address);
  expect(gone()).toEqual([]);
  answered(first);
  add("c");
  expect(gone()).toEqual([2]);
  for (const address of ["b", "b"]) add(address);
  expect(gone()).toEqual([1, 2, 4]);
});

test("where all were answered, the one goes whose last answer is the oldest", () => {
  const { add, answered, gone } = open(3);
  const [first, second, third] = [add("a"), add("a"), add("a")];
  for (const socket of [second, first, third, second]) answered(socket);
  add("a");
  expect(gone()).toEqual([0]);
});

test("what is closed takes no place, and what is gone is not answered", () => {
  const { add, answered, gone } = open(2);
  const first = add("a");
  first.destroy();
  answered(first);
  add("a");
  add("a");
  expect(gone()).toEqual([0]);
  for (let at = 0; at < 100; at += 1) add("a");
  expect(gone()).toHaveLength(101);
});
