import { spawn } from "node:child_process";
import { join } from "node:path";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { peer } from "../peers.ts";

/** moto's AWS: KMS with real AES-GCM, and STS, for any credentials. Keys live as long as the process. */
export interface Moto {
  readonly url: string;
  /** Creates a key, with an alias. @returns Their ARNs. */
  createKey(alias: string): Promise<{ readonly key: string; readonly alias: string }>;
  close(): Promise<void>;
}

/** The program, or `undefined` when it is not installed. */
export const motoServer: string | undefined = peer("moto_server");

/** Starts moto on a free port, in a process of its own; it takes about two seconds. */
export async function startMoto(): Promise<Moto> {
  const program = motoServer ?? "";
  const server = spawn(program, ["-H", "127.0.0.1", "-p", "0"], {
    env: { PATH: process.env["PATH"], PYTHONPATH: join(program, "..", "..") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    const listen = (chunk: Buffer): void => {
      said += chunk.toString("utf8");
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    };
    server.stdout.on("data", listen);
    server.stderr.on("data", listen);
    server.once("error", reject);
    server.once("close", () => reject(new Error(`moto ended: ${said}`)));
  });
  const client = new KMSClient({
    endpoint: url,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  return {
    url,
    async createKey(name) {
      const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
      const key = KeyMetadata?.Arn ?? "";
      const alias = `alias/${name}`;
      await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key }));
      return { key, alias: key.replace(/key\/.*/, alias) };
    },
    async close() {
      client.destroy();
      server.kill();
      await ended;
    },
  };
}
