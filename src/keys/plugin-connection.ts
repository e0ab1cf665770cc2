import { concatBytes } from "../core/concat-bytes.ts";
import type { Conversation } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { parseBodyLine, parseStanzaLine, printStanza, type Stanza } from "./age-header.ts";
import { answerPlugin, plainText } from "./plugin-questions.ts";
import type { KeyContext } from "./provider.ts";

const none = new Uint8Array();
// A plugin that talks without end must not fill the memory.
const mostStanzas = 10_000;
const longestBody = 1 << 20;
const patienceMs = 5000;

/** A running age plugin: https://c2sp.org/age-plugin. Both sides send stanzas as they stand in age headers. */
export class PluginConnection {
  readonly #conversation: Conversation;
  readonly #context: KeyContext;
  readonly #program: string;
  #received = 0;

  private constructor(conversation: Conversation, context: KeyContext, program: string) {
    this.#conversation = conversation;
    this.#context = context;
    this.#program = program;
  }

  /**
   * Starts a plugin, found on PATH, and ends it when `talk` is over.
   *
   * @throws KsealError `DECRYPT_FAILED` when it cannot be started or breaks the protocol.
   */
  static async use<T>(
    { plugin, mode, context }: { plugin: string; mode: "recipient-v1" | "identity-v1"; context: KeyContext },
    talk: (connection: PluginConnection) => Promise<T>,
  ): Promise<T> {
    const program = `age-plugin-${plugin}`;
    const conversation = await start(program, mode, context);
    const connection = new PluginConnection(conversation, context, program);
    try {
      return await talk(connection);
    } finally {
      await conversation.close();
    }
  }

  async send(type: string, args: readonly string[] = [], body: Uint8Array = none): Promise<void> {
    await this.#conversation.write(printStanza({ args: [type, ...args], body }));
  }

  /** What a plugin has to ignore in the first phase, so that no plugin comes to rely on what kseal sends. */
  async sendGrease(): Promise<void> {
    const random = this.#context.host.random(12);
    const [choice = 0] = random;
    if (choice % 3 > 0)
      await this.send(`grease-${Buffer.from(random).toString("hex")}`, [], random.subarray(6));
  }

  /**
   * Takes the plugin's commands until it is done.
   *
   * @param take - Handles what belongs to the caller's mode and says whether it knew the command. Messages and
   *   questions to the user are answered here, and commands that nobody knows.
   * @returns What the plugin reported as errors, if anything.
   */
  async receive(take: (stanza: Stanza) => boolean): Promise<string | undefined> {
    const errors: string[] = [];
    for (;;) {
      const stanza = await this.#next();
      const [type] = stanza.args;
      if (type === "done") break;
      if (type === "error") {
        errors.push(plainText(stanza.body));
        await this.send("ok");
      } else if (take(stanza)) {
        await this.send("ok");
      } else {
        const answer = await answerPlugin(stanza, { program: this.#program, context: this.#context });
        await this.send(answer.type, answer.args, answer.body);
      }
    }
    return errors.length > 0 ? errors.join("; ") : undefined;
  }

  failure(reason: string): KsealError {
    return new KsealError("DECRYPT_FAILED", `${this.#program}: ${reason}`);
  }

  async #next(): Promise<Stanza> {
    if (++this.#received > mostStanzas) throw this.failure("the plugin talks without end");
    const waiting = setTimeout(() => {
      this.#context.log.info(`waiting for ${this.#program}...`);
    }, patienceMs);
    try {
      const args = parseStanzaLine(await this.#line());
      const body: Uint8Array[] = [];
      for (let length = 0; length <= longestBody; length += 48) {
        const { bytes, isLast } = parseBodyLine(await this.#line());
        body.push(bytes);
        if (isLast) return { args, body: concatBytes(body) };
      }
    } catch (error) {
      if (error instanceof KsealError && error.message.startsWith("the age header")) {
        throw this.failure("the plugin does not speak the protocol of age");
      }
      throw error;
    } finally {
      clearTimeout(waiting);
    }
    throw this.failure("the plugin sent too much");
  }

  async #line(): Promise<string> {
    const line = await this.#conversation.readLine();
    if (line === undefined) throw this.failure("the plugin ended before it was done");
    return line;
  }
}

async function start(program: string, mode: string, { host }: KeyContext): Promise<Conversation> {
  try {
    return await host.spawn([program, `--age-plugin=${mode}`]);
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "NO_FILE") throw error;
    throw new KsealError("DECRYPT_FAILED", `the program ${program} is not on PATH`, {
      hint: `install ${program} and put it into a folder of PATH`,
      cause: error,
    });
  }
}
