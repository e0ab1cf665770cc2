import type { AgeIdentity } from "./age-file.ts";
import type { Stanza } from "./age-header.ts";
import { PluginConnection } from "./plugin-connection.ts";
import type { KeyContext } from "./provider.ts";
import { takeTurn } from "./turns.ts";

const fileKeyLength = 16;

/**
 * Has a plugin wrap a file key.
 *
 * @throws KsealError when it is not installed, refuses, or breaks the protocol.
 */
export async function wrapWithPlugin(
  fileKey: Uint8Array,
  { plugin, text, context }: { plugin: string; text: string; context: KeyContext },
): Promise<readonly Stanza[]> {
  return await takeTurn(context.host, () =>
    PluginConnection.use({ plugin, mode: "recipient-v1", context }, async (connection) => {
      await connection.send("add-recipient", [text]);
      await connection.sendGrease();
      await connection.send("wrap-file-key", [], fileKey);
      await connection.send("extension-labels");
      await connection.send("done");

      const stanzas: Stanza[] = [];
      let labels: readonly string[] | undefined;
      const reported = await connection.receive(({ args: [type, ...args], body }) => {
        if (type === "labels") {
          if (labels) throw connection.failure("the plugin sent labels twice");
          // One recipient a file: there is no other whose labels could differ.
          labels = args;
          return true;
        }
        if (type !== "recipient-stanza") return false;
        const [index, stanzaType, ...stanzaArgs] = args;
        if (index !== "0" || stanzaType === undefined)
          throw connection.failure("the plugin sent a malformed stanza");
        stanzas.push({ args: [stanzaType, ...stanzaArgs], body });
        return true;
      });
      if (reported !== undefined) throw connection.failure(reported);
      if (stanzas.length === 0) throw connection.failure("the plugin wrapped nothing");
      return stanzas;
    }),
  );
}

/** The identity `AGE-PLUGIN-NAME-1...`: whatever it means, its plugin knows. */
export function pluginIdentity(
  text: string,
  { plugin, context }: { plugin: string; context: KeyContext },
): AgeIdentity {
  return {
    describe: () => `an identity of age-plugin-${plugin}`,
    mayAsk: true,
    unwrap: ({ stanzas }) => takeTurn(context.host, () => unwrap(stanzas, { plugin, text, context })),
  };
}

async function unwrap(
  stanzas: readonly Stanza[],
  { plugin, text, context }: { plugin: string; text: string; context: KeyContext },
): Promise<Uint8Array | null> {
  return await PluginConnection.use({ plugin, mode: "identity-v1", context }, async (connection) => {
    await connection.send("add-identity", [text]);
    await connection.sendGrease();
    for (const { args, body } of stanzas) await connection.send("recipient-stanza", ["0", ...args], body);
    await connection.send("done");

    let fileKey: Uint8Array | null = null;
    const take = ({ args: [type, ...args], body }: Stanza): boolean => {
      if (type !== "file-key") return false;
      if (fileKey || args.length !== 1 || args[0] !== "0" || body.length !== fileKeyLength) {
        throw connection.failure("the plugin sent a malformed file key");
      }
      fileKey = body;
      return true;
    };
    const reported = await connection.receive(take);
    // With several stanzas one may fail and another open.
    if (!fileKey && reported !== undefined) throw connection.failure(reported);
    return fileKey;
  });
}
