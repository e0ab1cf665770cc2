import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { type KeySources, type SourceName, startKeySources } from "../support/key-sources.ts";
import { ksealAsSops, ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";

/*
 * A file for every source of keys at once: three groups of two, of which two must open. Made by either tool, it opens in
 * the other with any two groups.
 */

const groups: readonly (readonly [SourceName, SourceName])[] = [
  ["age", "aws"],
  ["gcp", "azure"],
  ["vault", "pgp"],
];
const everything = groups.flat();
const plain: Readonly<Record<string, string>> = {
  "app.yaml": "password: correct horse\nuser: admin # who\nports:\n    - 1\n    - 2\n",
  "app.json": '{\n\t"password": "correct horse",\n\t"ports": [\n\t\t1,\n\t\t2\n\t]\n}\n',
  "app.env": "PASSWORD=correct horse\nUSER=admin\n",
  "app.ini": "[app]\npassword = correct horse\n",
  "app.bin": "correct horse\u0000battery",
};
const [sops = ""] = [peer("sops")];
const programs: Readonly<Record<string, { encrypt: readonly string[]; decrypt: readonly string[] }>> = {
  sops: { encrypt: [sops, "encrypt", "-i"], decrypt: [sops, "decrypt"] },
  kseal: { encrypt: [...ksealCommand(), "encrypt", "-i"], decrypt: [...ksealCommand(), "decrypt"] },
  "kseal sops": { encrypt: [...ksealAsSops(), "encrypt", "-i"], decrypt: [...ksealAsSops(), "decrypt"] },
};

const hasPeers = sops !== "" && ["bao", "gpg", "openssl"].every((name) => peer(name) !== undefined);

let sources: KeySources;
beforeAll(async () => {
  if (hasPeers) sources = await startKeySources();
}, 60_000);
afterAll(() => sources?.close());

/** What opens, and what does not. */
const tables = {
  all: [
    ["age", "aws", "gcp", "azure"],
    ["age", "aws", "vault", "pgp"],
    ["gcp", "azure", "vault", "pgp"],
    ["age", "gcp"],
    ["aws", "azure"],
    ["aws", "vault"],
    ["gcp", "vault"],
    ["azure", "pgp"],
    everything,
  ],
  one: [["age", "aws"], ["azure"], ["vault", "pgp"], []],
} as const satisfies Readonly<Record<string, readonly (readonly SourceName[])[]>>;

const pairs = [
  { writer: "sops", readers: ["kseal", "kseal sops"] },
  { writer: "kseal", readers: ["sops"] },
  { writer: "kseal sops", readers: ["sops"] },
];

describe.skipIf(!hasPeers).for(pairs)("what $writer wrote", ({ writer, readers }) => {
  let folder: string;

  beforeAll(async () => {
    folder = makeFolder({ ...plain, ".sops.yaml": rules() });
    for (const name of Object.keys(plain)) {
      const { status, stderr } = await run([...(programs[writer]?.encrypt ?? []), name], folder, everything);
      expect(status, stderr).toBe(0);
    }
  }, 120_000);
  afterAll(() => removeFolder(folder));

  describe.for(readers)("%s", (reader) => {
    const decrypt = async (name: string, open: readonly SourceName[]): Promise<ProgramResult> =>
      await run([...(programs[reader]?.decrypt ?? []), name], folder, open);

    test.for(Object.keys(plain))("opens %s", { timeout: 60_000 }, async (name) => {
      const { status, stdout, stderr } = await decrypt(name, ["aws", "pgp"]);
      expect(status, stderr).toBe(0);
      expect(stdout.toString()).toContain("correct horse");
    });

    // The drop-in has the keyring of kseal, which the other pairs show.
    if ([writer, reader].includes("kseal sops")) return;
    describe("with the keys of", () => {
      test.for(titled(tables.all))("$title: opens", { timeout: 60_000 }, async ({ open }) => {
        const { status, stdout, stderr } = await decrypt("app.yaml", open);
        expect(status, stderr).toBe(0);
        expect(stdout.toString()).toContain("password: correct horse\n");
      });

      test.for(titled(tables.one))("$title: does not open", { timeout: 60_000 }, async ({ open }) => {
        const { status, stdout } = await decrypt("app.yaml", open);
        expect([status, stdout.toString()]).toEqual([128, ""]);
      });
    });
  });
});

test.skipIf(!hasPeers)(
  "the report says of every key why it did not open, and holds no secret",
  {
    timeout: 60_000,
  },
  async () => {
    const names = everything.map(
      (name) => `    - { name: The ${name} key, key: "${sources.keys[name].flag[1]}" }\n`,
    );
    const folder = makeFolder({
      "app.yaml": plain["app.yaml"] ?? "",
      ".sops.yaml": `${rules()}kseal:\n  keys:\n${names.join("")}`,
    });
    onTestFinished(() => removeFolder(folder));
    const encrypted = await run([...ksealCommand(), "encrypt", "-i", "app.yaml"], folder, everything);
    expect(encrypted.status, encrypted.stderr).toBe(0);

    const { status, stderr } = await run([...ksealCommand(), "decrypt", "app.yaml"], folder, ["azure"]);

    expect(status).toBe(128);
    const at = (name: SourceName): string => `The ${name} key (${sources.keys[name].flag[1]})`;
    const home = sources.environment([])["HOME"] ?? "";
    const said = stderr.replaceAll(home, "~").replace(/\([0-9A-F]{16}\)/, "(ID)");
    expect(said.split("\n")).toEqual([
      "kseal: app.yaml: cannot open the data key: 1 of 3 key groups opened, 2 are needed",
      `  group 0, ${at("age")}: nothing at hand opens it`,
      `  group 0, ${at("aws")}: AWS does not know the access key, or not with this session token`,
      `  group 1, ${at("gcp")}: Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project`,
      `  group 1, ${at("azure")}: opened`,
      `  group 2, ${at("pgp")}: gpg holds no secret key for it (ID)`,
      `  group 2, ${at("vault")}: the token is not valid there, or no longer: permission denied`,
      "  no identity in SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, ~/.config/sops/age/keys.txt, SOPS_AGE_SSH_PRIVATE_KEY_FILE, ~/.ssh/id_ed25519, ~/.ssh/id_rsa, SOPS_AGE_KEY_CMD, SOPS_AGE_SSH_PRIVATE_KEY_CMD",
      "  you hold AWS credentials from AWS_ACCESS_KEY_ID",
      "  no PGP secret key in ~/no-keys",
      "  you hold a Vault token from VAULT_TOKEN",
      "  aws sts get-caller-identity tries the same credentials",
      "  export GOOGLE_OAUTH_ACCESS_TOKEN=$(gcloud auth print-access-token)",
      "  gpg --import SECRET-KEY-FILE",
      `  vault login -address=${sources.environment([])["VAULT_ADDR"]}`,
      "  put an identity that opens the file into ~/.config/sops/age/keys.txt, or name its file in SOPS_AGE_KEY_FILE;",
      "  without one, ask somebody who can open the file to add your recipient to .sops.yaml and run: kseal updatekeys FILE",
      "",
    ]);
    for (const [name, value] of Object.entries(sources.environment(everything))) {
      if (/SECRET|TOKEN$|AGE_KEY/.test(name)) expect(stderr).not.toContain(value);
    }
  },
);

test.skipIf(!hasPeers)(
  "doctor tells every source apart, and how long each took",
  { timeout: 120_000 },
  async () => {
    const folder = makeFolder({ "app.yaml": plain["app.yaml"] ?? "", ".sops.yaml": rules() });
    onTestFinished(() => removeFolder(folder));
    const encrypted = await run([...ksealCommand(), "encrypt", "-i", "app.yaml"], folder, everything);
    expect(encrypted.status, encrypted.stderr).toBe(0);
    const diagnose = async (open: readonly SourceName[]) => {
      const { status, stdout } = await run(
        [...ksealCommand(), "doctor", "-o", "json", "app.yaml"],
        folder,
        open,
      );
      const { keys, files } = JSON.parse(stdout.toString());
      for (const { milliseconds } of keys) expect(milliseconds).toBeGreaterThanOrEqual(0);
      const states = keys.map(({ key, state }: { key: { type: string }; state: string }) => [
        key.type,
        state,
      ]);
      return { status, states: Object.fromEntries(states), groups: files[0].groups };
    };

    expect(await diagnose(everything)).toEqual({
      status: 0,
      states: {
        age: "opens",
        kms: "opens",
        gcp_kms: "opens",
        azure_kv: "opens",
        hc_vault: "opens",
        pgp: "opens",
      },
      groups: { all: 3, needed: 2, opened: 3 },
    });
    const others = {
      kms: "credentials",
      gcp_kms: "credentials",
      hc_vault: "credentials",
      pgp: "credentials",
    };
    expect(await diagnose(["azure"])).toEqual({
      status: 1,
      states: { age: "absent", azure_kv: "opens", ...others },
      groups: { all: 3, needed: 2, opened: 1 },
    });
  },
);

function rules(): string {
  const items = groups.map((names) => {
    const [first, second] = names.map((name) => sources.keys[name].rule);
    return `      - ${first}\n        ${second}\n`;
  });
  return `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n${items.join("")}`;
}

function titled(
  table: readonly (readonly SourceName[])[],
): readonly { title: string; open: readonly SourceName[] }[] {
  return table.map((open) => ({ title: open.join(", ") || "nobody", open }));
}

function run(command: readonly string[], cwd: string, open: readonly SourceName[]): Promise<ProgramResult> {
  const [program = "", ...args] = command;
  return runProgram([program, ...args], { cwd, env: sources.environment(open) });
}
