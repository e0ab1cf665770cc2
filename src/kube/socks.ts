import { connect, type Socket } from "node:net";

/*
 * SOCKS 5 (RFC 1928) with user name and password (RFC 1929), as much as a client needs:
 *
 *   greeting   05 | n | methods            -> 05 | method
 *   password   01 | n | name | n | word    -> 01 | 00
 *   connect    05 01 00 03 | n | host | port (2 bytes) -> 05 00 00 | type | address | port
 */

const noPassword = 0x00;
const withPassword = 0x02;
const named = 0x03;

/** The proxy's answer is none of SOCKS 5, or a refusal. */
class SocksError extends Error {
  readonly code = "ERR_PROXY_TUNNEL";
}

/**
 * Opens a connection through a SOCKS 5 proxy, which looks the host's name up itself.
 *
 * @throws SocksError, or what the network says.
 */
export async function connectThroughSocks(
  proxy: URL,
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port: Number(proxy.port || 1080), noDelay: true });
  const stop = (): void => {
    socket.destroy(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const reader = readerOf(socket);
    const user = decodeURIComponent(proxy.username);
    const methods = user === "" ? [noPassword] : [noPassword, withPassword];
    socket.write(Uint8Array.of(5, methods.length, ...methods));
    const [, method] = await reader.take(2);
    if (method === withPassword) await logIn(socket, reader, user, decodeURIComponent(proxy.password));
    else if (method !== noPassword) throw new SocksError("the proxy wants another way to log in");
    await ask(socket, reader, target);
    await reader.done();
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function logIn(socket: Socket, reader: Reader, user: string, password: string): Promise<void> {
  socket.write(Buffer.concat([Uint8Array.of(1), short(user), short(password)]));
  const [, status] = await reader.take(2);
  if (status !== 0) throw new SocksError("the proxy does not accept the user name and password");
}

async function ask(
  socket: Socket,
  reader: Reader,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const portBytes = Uint8Array.of(port >> 8, port & 0xff);
  socket.write(Buffer.concat([Uint8Array.of(5, 1, 0, named), short(host), portBytes]));
  const [version, status, , type] = await reader.take(4);
  if (version !== 5 || status !== 0) throw new SocksError(`the proxy refused to connect (${status})`);
  const length = type === named ? ((await reader.take(1))[0] ?? 0) : type === 4 ? 16 : 4;
  await reader.take(length + 2);
}

/** A text behind its length in one byte. */
function short(text: string): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 255) throw new SocksError("a name is too long for the proxy");
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

interface Reader {
  take(count: number): Promise<Uint8Array>;
  /** Gives the socket back, with what was read too much. */
  done(): Promise<void>;
}

function readerOf(socket: Socket): Reader {
  const chunks = socket.iterator({ destroyOnReturn: false });
  let rest: Uint8Array = new Uint8Array();
  return {
    async take(count) {
      while (rest.length < count) {
        const { value, done } = await chunks.next();
        if (done === true) throw new SocksError("the proxy closed the connection");
        rest = Buffer.concat([rest, value]);
      }
      const taken = rest.subarray(0, count);
      rest = rest.subarray(count);
      return taken;
    },
    async done() {
      // As long as it listens nobody else gets anything.
      await chunks.return?.();
      if (rest.length > 0) socket.unshift(rest);
    },
  };
}
