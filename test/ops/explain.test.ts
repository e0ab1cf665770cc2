import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { pendingMac } from "../../src/core/mac.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { explain } from "../../src/ops/explain.ts";
import { startAwsKms } from "../support/kms/aws-kms.ts";
import { newestSops, peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { makeKey, manifest, seal } from "../support/sealed-files.ts";
import {
  encrypted,
  failureOf,
  inPlace,
  mine,
  others,
  ruleForMe,
  theirs,
  type Workbench,
  workbench,
} from "./workbench.ts";

/** What `kseal explain` says, section by section. */
async function sections(
  { host }: Workbench,
  ...args: readonly string[]
): Promise<Readonly<Record<string, readonly string[]>>> {
  const before = host.stdoutText().length;
  const status = await run(["explain", ...args], host);
  expect({ status, stderr: host.stderrText() }).toEqual({ status: 0, stderr: "" });
  const found: Record<string, string[]> = {};
  let name = "";
  for (const line of host.stdoutText().slice(before).split("\n").slice(0, -1)) {
    if (line.startsWith("  ")) found[name]?.push(line.slice(2));
    else {
      name = line;
      found[name] = [];
    }
  }
  return found;
}

const names = `kseal:\n  keys:\n    - name: Me\n      key: ${mine}\n    - name: Them\n      key: ${theirs}\n`;

describe("the rule of a file", () => {
  const rules = `creation_rules:\n  - path_regex: ^stage/\n    age: ${theirs}\n  - path_regex: ^prod/\n    age: ${mine}\n  - age: ${others}\n`;

  test("is the first that matches; the others are said to have been tried", async () => {
    const bench = await encrypted({ "prod/a.yaml": "a: b\n" }, { rule: rules });
    const { rule } = await sections(bench, "prod/a.yaml");
    expect(rule).toEqual([
      `${bench.host.cwd}/.sops.yaml: the nearest above the file`,
      'searched in "prod/a.yaml", in the order of the file; the first that matches decides',
      "line 2: path_regex ^stage/: does not match",
      "line 4: path_regex ^prod/: this one decides",
      "line 6: without a path_regex, for every file: matches too, but comes later",
    ]);
  });

  test("is also told of a file that is not there yet, with who would read it", async () => {
    const bench = await workbench({ ".sops.yaml": names + rules });
    const said = await sections(bench, "stage/new.env");
    expect(Object.keys(said)[0]).toBe("stage/new.env: no such file; this is what holds for a new one");
    expect(said["when encrypted"]).toEqual([
      `readable by Them (${theirs})`,
      "encrypted (unencrypted_suffix _unencrypted, the default of SOPS)",
    ]);
    expect(said["next"]).toEqual(["kseal edit stage/new.env"]);
  });

  test("may be missing, and so may the configuration", async () => {
    const bench = await workbench({
      ".sops.yaml": `creation_rules:\n  - path_regex: \\.env$\n    age: ${mine}\n`,
      "a.yaml": "a: b\n",
    });
    const said = await sections(bench, "a.yaml");
    expect(said["rule"]?.at(-1)).toBe("no creation rule is for it");
    expect(said["when encrypted"]?.[0]).toBe(
      `kseal encrypt would refuse: no creation rule of ${bench.host.cwd}/.sops.yaml matches it`,
    );
    expect(said["next"]).toEqual([
      "add a rule with a path_regex that matches, or name a recipient: kseal encrypt --age age1... -i a.yaml",
    ]);
    const bare = await workbench({ "a.yaml": "a: b\n" });
    expect(await sections(bare, "a.yaml")).toMatchObject({
      rule: ["there is no .sops.yaml above the file or the working folder"],
      next: [
        "make a .sops.yaml with: kseal init",
        "or name a recipient: kseal encrypt --age age1... -i a.yaml",
      ],
    });
  });

  test("says where the configuration is from when it does not lie above the file", async () => {
    const bench = await workbench({
      "sub/a.yaml": "a: b\n",
      "conf/.sops.yaml": ruleForMe,
      ".sops.yaml": ruleForMe,
    });
    const named = await bench.again({ configPath: "conf/.sops.yaml" });
    expect((await explain({ file: "sub/a.yaml", online: false }, named)).config?.why).toBe("named");
    const away = await workbench({ ".sops.yaml": ruleForMe });
    await away.host.createFile(`${away.host.homeDir}/a.yaml`, new TextEncoder().encode("a: b\n"));
    const { config } = await explain({ file: `${away.host.homeDir}/a.yaml`, online: false }, away.context);
    expect(config?.why).toBe("above-the-working-folder");
  });
});

describe("why a value is encrypted or not", () => {
  const content = `user: admin
password_enc: x
note_unencrypted: y
# secret
token: z
list:
  - one
  # secret
  - two
empty: ""
`;
  const cases: readonly (readonly [rule: string, path: string, said: string])[] = [
    [
      "encrypted_regex: ^pass",
      "password_enc",
      'line 2: encrypted: the key "password_enc" matches encrypted_regex ^pass',
    ],
    [
      "encrypted_regex: ^pass",
      "user",
      "line 1: in clear: no key on the way to it matches encrypted_regex ^pass",
    ],
    [
      "encrypted_regex: ^list$",
      "list[1]",
      'line 9: encrypted: the key "list" matches encrypted_regex ^list$',
    ],
    [
      "unencrypted_regex: ^user$",
      "user",
      'line 1: in clear: the key "user" matches unencrypted_regex ^user$',
    ],
    [
      "unencrypted_regex: ^user$",
      "token",
      "line 5: encrypted: no key on the way to it matches unencrypted_regex ^user$",
    ],
    [
      "encrypted_suffix: _enc",
      "password_enc",
      'line 2: encrypted: the key "password_enc" ends with encrypted_suffix _enc',
    ],
    [
      "encrypted_suffix: _enc",
      "user",
      "line 1: in clear: no key on the way to it ends with encrypted_suffix _enc",
    ],
    [
      "unencrypted_suffix: _unencrypted",
      "note_unencrypted",
      'line 3: in clear: the key "note_unencrypted" ends with unencrypted_suffix _unencrypted',
    ],
    [
      "unencrypted_suffix: _unencrypted",
      "user",
      "line 1: encrypted: no key on the way to it ends with unencrypted_suffix _unencrypted",
    ],
    [
      "encrypted_comment_regex: secret",
      "token",
      'line 5: encrypted: the comment "secret" matches encrypted_comment_regex secret',
    ],
    [
      "encrypted_comment_regex: secret",
      "user",
      "line 1: in clear: no comment above it matches encrypted_comment_regex secret",
    ],
    [
      "encrypted_comment_regex: secret",
      "list[1]",
      'line 9: encrypted: the comment "secret" matches encrypted_comment_regex secret',
    ],
    [
      "encrypted_comment_regex: secret",
      "list[0]",
      "line 7: in clear: no comment above it matches encrypted_comment_regex secret",
    ],
    [
      "unencrypted_comment_regex: secret",
      "token",
      'line 5: in clear: the comment "secret" matches unencrypted_comment_regex secret',
    ],
    [
      "unencrypted_comment_regex: secret",
      "user",
      "line 1: encrypted: no comment above it matches unencrypted_comment_regex secret",
    ],
  ];

  test.for(cases)("%s, %s", async ([rule, path, said]) => {
    const bench = await encrypted(
      { "a.yaml": content },
      { rule: `creation_rules:\n  - age: ${mine}\n    ${rule}\n` },
    );
    const [line = ""] = (await sections(bench, "a.yaml", path))["path"] ?? [];
    expect(line.slice(line.indexOf("line"))).toBe(said);
    // The file as it is agrees with what is said of it.
    const explanation = await explain({ file: "a.yaml", path, online: false }, bench.context);
    expect(explanation.path?.isSealed).toBe(explanation.path?.selected);
  });

  test("holds for a key that is not there yet, for groups of values and for what holds nothing", async () => {
    const bench = await encrypted(
      { "a.yaml": content },
      { rule: `creation_rules:\n  - age: ${mine}\n    encrypted_regex: ^(list|new|empty)$\n` },
    );
    const path = async (wanted: string) => (await sections(bench, "a.yaml", wanted))["path"];
    expect(await path('["new"]["deep"]')).toEqual([
      '["new"]["deep"]: would be encrypted: the key "new" matches encrypted_regex ^(list|new|empty)$',
      "nothing is there yet",
    ]);
    expect(await path("list")).toEqual([
      '["list"], line 6: encrypted: the key "list" matches encrypted_regex ^(list|new|empty)$',
      "below it 2 values encrypted, 0 in clear",
    ]);
    expect((await path("empty"))?.[1]).toBe(
      "it holds nothing: SOPS leaves empty texts and nulls as they are",
    );
    expect(await path("user")).toContain("the MAC covers it: a change is noticed when the file is opened");
  });

  test("says what was changed by hand, and whether the MAC sees it", async () => {
    const rule = `creation_rules:\n  - age: ${mine}\n    encrypted_regex: ^token$\n    mac_only_encrypted: true\n`;
    const bench = await encrypted({ "a.yaml": content }, { rule });
    expect((await sections(bench, "a.yaml", "user"))["path"]?.[1]).toBe(
      "the MAC does not cover it: anybody can change it unnoticed",
    );
    const text = await bench.read("a.yaml");
    await bench.write(
      "a.yaml",
      text
        .replace(/^token: .*$/m, "token: by-hand")
        .replace("user: admin", `user: ${/ENC\[.*\]/.exec(text)?.[0]}`),
    );
    const token = await sections(bench, "a.yaml", "token");
    expect(token["path"]?.[1]).toBe(
      "but it stands in clear: it was put in by hand, and the file does not open so",
    );
    expect(token["next"]?.[0]).toBe(`kseal set a.yaml '["token"]'`);
    expect((await sections(bench, "a.yaml", "user"))["path"]?.[1]).toBe(
      "but it is encrypted: nobody decrypts it there, and readers get the ciphertext",
    );
    expect(bench.host.stdoutText()).not.toContain("by-hand");
  });

  test("a file whose merge is not finished, or that lost its MAC, says so first", async () => {
    const bench = await encrypted({ "a.yaml": content });
    const text = await bench.read("a.yaml");
    await bench.write("a.yaml", text.replace(/mac: .*/, `mac: ${pendingMac}`));
    const pending = await sections(bench, "a.yaml");
    expect(pending["encrypted"]).toContain("a merge of it is not finished: the MAC is still to be made");
    expect(pending["next"]?.[0]).toBe("kseal resolve a.yaml");
    await bench.write("a.yaml", text.replace(/mac: .*\n/, 'mac: ""\n'));
    expect((await sections(bench, "a.yaml"))["next"]?.[0]).toBe("git log -p a.yaml");
  });
});

describe("the keys of a file", () => {
  test("are said to be held or not, listed by the rule or not, and what to type", async () => {
    const bench = await encrypted(
      { "a.yaml": "a: b\n" },
      { rule: names + ruleForMe, recipients: [mine, theirs] },
    );
    const before = await sections(bench, "a.yaml");
    expect(before["keys"]?.slice(0, 3)).toEqual([
      "you can open it: any one of 2 keys does",
      `Me (${mine}): you hold it`,
      `Them (${theirs}): you do not hold it; its creation rule does not list it`,
    ]);
    expect(before["keys"]).toContain(`you hold ${mine} from SOPS_AGE_KEY`);
    expect(before["next"]).toEqual(["kseal updatekeys a.yaml", "kseal edit a.yaml"]);
    await bench.write(".sops.yaml", `creation_rules:\n  - age: ${mine},${theirs},${others}\n`);
    expect((await sections(bench, "a.yaml"))["keys"]).toContain(
      `${others}: its creation rule lists it, and the file does not have it`,
    );
  });

  test("that are not at hand leave the file closed, and it says whom to ask", async () => {
    const bench = await encrypted({ "a.yaml": "a: b\n" }, { recipients: [theirs] });
    const said = await sections(bench, "a.yaml");
    expect(said["keys"]?.[0]).toBe("you cannot open it: it has one key");
    expect(said["next"]?.at(-1)).toBe("ask somebody who can read it: kseal who a.yaml");
  });

  test("in groups say how many are needed", async () => {
    const rule = `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${mine}]\n      - age: [${theirs}]\n      - age: [${others}]\n`;
    const bench = await encrypted({ "a.yaml": "a: b\n" }, { rule });
    expect((await sections(bench, "a.yaml"))["keys"]?.slice(0, 3)).toEqual([
      "you cannot open it: 2 of 3 key groups are needed, and you open 1",
      `group 1: ${mine}: you hold it`,
      `group 2: ${theirs}: you do not hold it`,
    ]);
  });

  test("of key services are not asked, unless --online asks for it", async () => {
    const server = await startAwsKms();
    onTestFinished(() => server.close());
    const env = {
      AWS_ENDPOINT_URL: server.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "a-secret-of-the-tests",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const bench = await workbench({ "a.yaml": "a: b\n" }, { env });
    const kms = ["arn:aws:kms:eu-west-1:111122223333:key/a"];
    await encryptFiles({ paths: ["a.yaml"], destination: inPlace, keys: { kms } }, bench.context);
    const asked = (): number => server.operations().length;
    const before = asked();
    const said = await sections(bench, "a.yaml");
    expect(said["keys"]?.slice(0, 2)).toEqual([
      "you may be able to open it: it has one key",
      `${kms[0]}: not asked: it takes a key service (--online)`,
    ]);
    expect(said["next"]?.[0]).toBe("kseal explain --online a.yaml");
    expect(asked()).toBe(before);
    expect((await sections(bench, "--online", "a.yaml"))["keys"]?.[1]).toBe(`${kms[0]}: you hold it`);
    expect(asked()).toBe(before + 1);
    expect(bench.host.stdoutText()).not.toContain("a-secret-of-the-tests");
  });
});

describe("a file in clear", () => {
  const plan = async (files: Readonly<Record<string, string>>, file: string) => {
    const bench = await workbench(files);
    return await sections(bench, file);
  };

  test("says what kseal encrypt would do with it", async () => {
    const said = await plan(
      { ".sops.yaml": names + ruleForMe, "a.yaml": "apiVersion: v1\nkind: Secret\nstringData:\n  a: b\n" },
      "a.yaml",
    );
    expect(said["when encrypted"]).toEqual([
      `readable by Me (${mine})`,
      'encrypted (encrypted_regex ^(data|stringData)$, the default for Kubernetes Secrets): ["stringData"]["a"]',
      'in clear: ["apiVersion"], ["kind"]',
    ]);
    expect(said["next"]).toEqual(["kseal encrypt -i a.yaml"]);
    expect((await plan({ ".sops.yaml": ruleForMe, "a.bin": "x" }, "a.bin"))["when encrypted"]).toContain(
      "encrypted (as a whole): all of it",
    );
  });

  test("says why kseal encrypt would refuse it", async () => {
    const both = "apiVersion: v1\nkind: Secret\nstringData:\n  a: b\n---\napiVersion: v1\nkind: ConfigMap\n";
    expect((await plan({ ".sops.yaml": ruleForMe, "a.yaml": both }, "a.yaml"))["when encrypted"]?.[0]).toBe(
      "kseal encrypt would refuse: the file holds Secrets and other objects, and no rule says what is encrypted",
    );
    const nothing = `${ruleForMe}    encrypted_regex: ^nothing$\n`;
    expect((await plan({ ".sops.yaml": nothing, "a.env": "A=b\n" }, "a.env"))["when encrypted"]?.[0]).toBe(
      "kseal encrypt would refuse: the rule selects no value of it, so all of it would stay in clear",
    );
  });
});

describe("SealedSecrets", () => {
  test("say what binds them, for which cluster, and what to type", async () => {
    const key = await makeKey();
    const bench = await workbench({
      ".sops.yaml":
        "kseal:\n  clusters:\n    - name: prod\n      certificate: prod.pem\n  sealing:\n    - path_regex: ^stage/\n      scope: strict\n    - path_regex: ^prod/\n      cluster: prod\n      scope: cluster-wide\n",
      "prod/db.yaml": manifest({ password: seal("x", key) }),
      "db.yaml": manifest({ password: seal("x", key) }),
    });
    const said = await sections(bench, "prod/db.yaml", "password");
    expect(said).toEqual({
      "prod/db.yaml: SealedSecrets, which only their cluster opens": [],
      rule: [
        `${bench.host.cwd}/.sops.yaml: the nearest above the file`,
        'searched in "prod/db.yaml", in the order of the file; the first that matches decides',
        "line 6: path_regex ^stage/: does not match",
        "line 8: path_regex ^prod/: this one decides",
      ],
      sealed: [
        "line 2: prod/db, strict: it opens under this name in this namespace only",
        "  sealed: password",
        "  its sealing rule wants cluster-wide",
        "opened by the controller of the cluster prod, certificate prod.pem, as the sealing rule at line 8 says; the file itself does not tell",
        "password: sealed",
      ],
      next: [
        "kseal verify prod/db.yaml",
        "kseal set prod/db.yaml password",
        "kseal unseal --key BACKUP prod/db.yaml",
      ],
    });
    const bare = await sections(bench, "db.yaml", '["spec"]["encryptedData"]["token"]');
    expect(bare["rule"]?.at(-1)).toBe("no sealing rule is for it");
    expect(bare["sealed"]?.slice(-2)).toEqual([
      "opened by the controller of a cluster; no sealing rule says which",
      "token: no SealedSecret of the file has such a value",
    ]);
    expect(bare["next"]?.[1]).toBe("kseal set db.yaml token --cert CERTIFICATE");
  });
});

describe("what cannot be explained", () => {
  test.for<[name: string, args: readonly string[], failure: object]>([
    ["a folder", ["sub"], { code: "USAGE", hint: "kseal who sub says who can read what in it" }],
    [
      "a path that is none",
      ["a.yaml", "a]b"],
      { code: "PATH_INVALID", message: '"a]b" is no path into the file' },
    ],
    ["a damaged file", ["damaged.yaml"], { code: "METADATA_INVALID", where: { file: "damaged.yaml" } }],
    ["a file that does not parse", ["broken.yaml"], { code: "FORMAT_INVALID" }],
    ["a broken configuration", ["conf/a.yaml"], { code: "CONFIG_INVALID" }],
  ])("%s is an error with its place", async ([, [file = "", path], failure]) => {
    const bench = await encrypted(
      { "a.yaml": "a: b\n" },
      {
        beside: {
          "sub/x": "",
          "broken.yaml": "a: [\n",
          "conf/.sops.yaml": "creation_rules: 7\n",
          "conf/a.yaml": "a: b\n",
        },
      },
    );
    await bench.write("damaged.yaml", (await bench.read("a.yaml")).replace(/version: .*\n/, ""));
    const work = explain({ file, path, online: false }, await bench.again());
    expect(await failureOf(work)).toMatchObject(failure);
  });

  test("names that a terminal takes for commands are shown without them", async () => {
    const bench = await workbench({ ".sops.yaml": ruleForMe, "a\u{1b}[2J.yaml": '"k\\e[31m": v\n' });
    await run(["explain", "a\u{1b}[2J.yaml"], bench.host);
    expect(bench.host.stdoutText()).not.toContain("\u{1b}");
  });
});

test("as JSON it is the same, with keys by id and name", async () => {
  const bench = await encrypted({ "a.yaml": "a: b\n" }, { rule: names + ruleForMe });
  expect(await run(["explain", "a.yaml", "a", "-o", "json"], bench.host)).toBe(0);
  expect(JSON.parse(bench.host.stdoutText())).toMatchObject({
    file: "a.yaml",
    state: "encrypted",
    format: "yaml",
    config: { why: "above-the-file" },
    trial: { path: "a.yaml", rules: [{ matches: true, decides: true }] },
    encrypted: {
      selection: { rule: "unencrypted_suffix" },
      mac: "present",
      keys: {
        opens: "yes",
        keys: [{ key: { id: mine, name: "Me", type: "age" }, state: "opens", isListed: true }],
      },
    },
    path: { path: '["a"]', kind: "value", selected: true, isSealed: true },
    next: [`kseal get a.yaml '["a"]'`],
  });
});

test.skipIf(peer("sops") === undefined)("files of the real sops are explained as it reads them", async () => {
  const bench = await workbench({
    "a.json": '{"password": "x", "note_unencrypted": "y"}',
    ".sops.yaml": ruleForMe,
  });
  const env = { HOME: bench.host.homeDir, PATH: "/usr/bin:/bin", SOPS_DISABLE_VERSION_CHECK: "1" };
  const sops = peer("sops") ?? "";
  const { status } = await runProgram([sops, "--encrypt", "--in-place", "a.json"], {
    cwd: bench.host.cwd,
    env,
  });
  expect(status).toBe(0);
  expect((await bench.read("a.json")).includes(newestSops)).toBe(true);
  for (const [path, isSealed] of [
    ["password", true],
    ["note_unencrypted", false],
  ] as const) {
    const { path: reason } = await explain({ file: "a.json", path, online: false }, bench.context);
    expect(reason).toMatchObject({ isSealed, selected: isSealed });
  }
});
