import { describe, expect, test } from "vitest";
import { setValue } from "../../src/ops/set.ts";
import { encrypted, failureOf, mine, plain } from "../ops/workbench.ts";
import { attack, checked, differences, rule, sops } from "./attacked-file.ts";

/*
 * Attack 1: MAC and structure bypass, tampering with values in clear, bombs. The numbers are those of the table in
 * SECURITY.md.
 */

const isSops = (said: string | undefined, wanted: string): void => {
  if (sops !== undefined) expect(said).toBe(wanted);
};

describe("attack 1a: a value in clear is changed", () => {
  test("the MAC does not match", async () => {
    const { opens, ...said } = await attack((text) => text.replace("name: db", "name: dc"));
    expect(opens).toBe("MAC_MISMATCH");
    isSops(said.sops, "51");
    expect(said.diff).toEqual(['~ ["metadata"]["name"] changed: "db" -> "dc"']);
  });
});

describe("attack 1b: values in clear are changed in ways that the MAC does not see", () => {
  test.for<readonly [string, (text: string) => string, readonly string[]]>([
    [
      "text moves from one to its neighbour, under another name",
      (text) => text.replace('tier: "12"', 'tier: "1"').replace('zone: "3"', 'renamed: "23"'),
      [
        '~ ["metadata"]["labels"]["tier"] changed: "12" -> "1"',
        '+ ["metadata"]["labels"]["renamed"] added: "23"',
        '- ["metadata"]["labels"]["zone"] removed: "3"',
      ],
    ],
    [
      "a text becomes a number",
      (text) => text.replace('tier: "12"', "tier: 12"),
      ['~ ["metadata"]["labels"]["tier"] changed: "12" -> 12'],
    ],
    [
      "a value moves into a mapping",
      (text) => text.replace('    tier: "12"\n', '    tier:\n      x: "12"\n'),
      ['~ ["metadata"]["labels"]["tier"] changed: "12" -> {}'],
    ],
    [
      "empty ones and nulls come in",
      (text) =>
        text.replace("  labels:", '  finalizers: []\n  generateName: ""\n  annotations: null\n  labels:'),
      [
        '+ ["metadata"]["finalizers"] added: []',
        '+ ["metadata"]["generateName"] added: ""',
        '+ ["metadata"]["annotations"] added: null',
      ],
    ],
  ])("%s: it opens, and kseal diff shows it", async ([, tamper, diff]) => {
    const said = await attack(tamper);
    isSops(said.sops, "opens");
    expect(said).toMatchObject({ opens: "opens", check: [], diff });
  });
});

describe("attack 1c: a value in clear is planted where values are encrypted", () => {
  test.for<readonly [string, (text: string) => string, string]>([
    ["in the place of another", (text) => text.replace(/password: ENC.*/, "password: mine"), "sops-clear:10"],
    ["as a new one", (text) => text.replace("stringData:", "stringData:\n  extra: mine"), "sops-clear:9"],
  ])("%s: it does not open, and kseal check finds it", async ([, tamper, finding]) => {
    const said = await attack(tamper);
    isSops(said.sops, "25");
    expect(said).toMatchObject({ opens: "DECRYPT_FAILED", check: [finding] });
  });
});

describe("attack 1d: the MAC is taken away or made to cover less", () => {
  test.for<readonly [string, (text: string) => string, string, string, string | undefined]>([
    [
      "no MAC",
      (text) => text.replace(/ *mac: .*\n/, ""),
      "MAC_MISSING",
      "! it has no MAC, so nobody can tell whether values were changed",
      "sops-mac:15",
    ],
    [
      "encrypted values only",
      (text) => text.replace(/( +)mac: /, "$1mac_only_encrypted: true\n$1mac: "),
      "MAC_MISMATCH",
      "! the MAC covers encrypted values only now: those in clear can be changed by anybody",
      "sops-mac-scope:28",
    ],
    [
      "a merge that seems to wait",
      (text) => text.replace(/mac: .*/, "mac: pending"),
      "MAC_MISSING",
      "! a merge of it is not finished: kseal resolve",
      "sops-pending:28",
    ],
    [
      "another date, which it covers",
      (text) => text.replace(/lastmodified: .*/, 'lastmodified: "2126-01-01T00:00:00Z"'),
      "MAC_MISMATCH",
      "no value changed",
      undefined,
    ],
  ])("%s: it does not open", async ([, tamper, code, line, finding]) => {
    const said = await attack(tamper);
    isSops(said.sops, "51");
    expect(said.opens).toBe(code);
    expect(said.diff).toContain(line);
    expect(said.check).toEqual(finding === undefined ? [] : [finding]);
  });

  test("a file whose own rule it is stays open to that, which kseal check notes and kseal diff shows", async () => {
    const own = `${rule}    mac_only_encrypted: true\n`;
    const said = await attack((text) => text.replace("name: db", "name: dc"), { rule: own });
    isSops(said.sops, "opens");
    expect(said.opens).toBe("opens");
    expect(said.check).toEqual([expect.stringMatching(/^sops-mac-scope:/)]);
    expect(said.diff).toEqual(['~ ["metadata"]["name"] changed: "db" -> "dc"']);
  });
});

describe("attack 1e: the rule in the file is loosened, so that what comes later stays in clear", () => {
  const loosen = (text: string): string =>
    text.replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^(user|password|pin|hosts)$");

  test("it opens, and kseal check and kseal diff tell of the rule", async () => {
    const said = await attack(loosen);
    isSops(said.sops, "opens");
    expect(said.opens).toBe("opens");
    expect(said.check).toEqual([expect.stringMatching(/^sops-selection:/)]);
    expect(said.diff).toEqual([
      "! the rule that says what is encrypted changed: encrypted_regex ^(data|stringData)$ -> encrypted_regex ^(user|password|pin|hosts)$",
    ]);
  });

  test("a value that is left out of it does not open", async () => {
    const said = await attack((text) => text.replace("^(data|stringData)$", "^(user|pin|hosts)$"));
    isSops(said.sops, "51");
    expect(said.opens).toBe("MAC_MISMATCH");
    expect(said.check).toContain("sops-unselected:10");
  });
});

describe("attack 1f: a comment is planted that keeps what comes behind it in clear", () => {
  const marks = `creation_rules:\n  - unencrypted_comment_regex: public\n    age: ${mine}\n`;
  const text = "password: hunter2\nuser: admin\n";

  test("it opens, the next value that is added stays in clear, and kseal diff tells of the comment", async () => {
    const bench = await encrypted({ "a.yaml": text }, { rule: marks });
    const before = await bench.read("a.yaml");
    const after = before.replace(/(user: ENC.*\n)/, "$1# public\n");
    await bench.write("a.yaml", after);
    expect(await checked(bench)).toEqual([]);
    expect(await differences(bench, { path: "a.yaml", before, after })).toEqual([
      "! comments changed that say what is encrypted: see them with git diff --no-textconv",
    ]);
    await setValue({ path: "a.yaml", treePath: '["token"]', value: { json: '"abc"' } }, await bench.again());
    expect(await bench.read("a.yaml")).toContain("token: abc\n");
  });
});

describe("attack 1g: items of a list change places, which their keys do not tell", () => {
  test("the MAC does not match", async () => {
    const said = await attack((text) => {
      const [, one = "", two = ""] = /hosts:\n\s+- (ENC.*)\n\s+- (ENC.*)/.exec(text) ?? [];
      return text.replace(one, "\0").replace(two, one).replace("\0", two);
    });
    isSops(said.sops, "51");
    expect(said.opens).toBe("MAC_MISMATCH");
  });
});

describe("attack 1h: the type of an encrypted value is changed, which nothing protects", () => {
  test("it opens with the same text as another type, and kseal diff shows that something changed", async () => {
    const said = await attack((text) => text.replace(/(pin: .*),type:str\]/, "$1,type:int]"));
    isSops(said.sops, "opens");
    expect(said.opens).toBe("opens");
    expect(said.plain).toContain("pin: 4711\n");
    expect(said.diff).toEqual(['~ ["stringData"]["pin"] changed, encrypted']);
  });
});

describe("attack 1i: a key stands twice, and readers take different ones", () => {
  test("in YAML sops refuses it; kseal check finds it", async () => {
    const said = await attack((text) => text.replace("kind: Secret", "kind: ConfigMap\nkind: Secret"));
    isSops(said.sops, "1");
    expect(said.opens).toBe("MAC_MISMATCH");
    expect(said.check).toEqual(["sops-duplicate-key:3"]);
  });

  test("in JSON an empty one passes the MAC; kseal check and kseal diff find it", async () => {
    const said = await attack(
      (text) => text.replace('"verify": "yes",', '"verify": "yes",\n\t"verify": "",'),
      {
        text: '{\n\t"verify": "yes",\n\t"data": {"a": "b"}\n}\n',
        path: "a.json",
      },
    );
    isSops(said.sops, "opens");
    expect(said.opens).toBe("opens");
    expect(said.check).toEqual(["sops-duplicate-key:3"]);
    expect(said.diff).toEqual(['+ ["verify"] added: ""']);
  });
});

describe("attack 1j: bombs of aliases, depth and size", () => {
  const bomb = "abcdefgh".split("").reduce((above, name, at, all) => {
    const inside = at === 0 ? "x" : `*${all[at - 1]}`;
    return `${above}${name}: &${name} [${Array.from({ length: 9 }, () => inside).join(",")}]\n`;
  }, "");

  test.for<readonly [string, (text: string) => string, string]>([
    ["aliases", (text) => `${bomb}${text}`, "LIMIT_EXCEEDED"],
    ["depth", (text) => `deep: ${"[".repeat(5000)}${"]".repeat(5000)}\n${text}`, "LIMIT_EXCEEDED"],
  ])(
    "%s: it does not open, in a moment, and kseal check goes on with the other files",
    async ([, tamper, code]) => {
      const started = performance.now();
      const bench = await encrypted({ "a.yaml": "a: b\n", "b.yaml": "a: b\n" });
      await bench.write("a.yaml", tamper(await bench.read("a.yaml")));
      await bench.write("b.yaml", (await bench.read("b.yaml")).replace(/a: ENC.*/, "a: b"));
      expect(await failureOf(plain(bench))).toMatchObject({ code });
      expect(await checked(bench)).toEqual([
        expect.stringMatching(/^sops-metadata:/),
        expect.stringMatching(/^sops-clear:/),
      ]);
      expect(performance.now() - started).toBeLessThan(5000);
    },
  );
});

describe("attack 1k: names that make up lines of a report or command the terminal", () => {
  test("no report has a line or a command of theirs", async () => {
    const name = "x\\n  no value changed\\n\\e[2J\\u202e";
    const { diff } = await attack((text) => text.replace("  labels:", `  "${name}": ""\n  labels:`));
    expect(diff).toEqual([
      '+ ["metadata"]["x\u{fffd}  no value changed\u{fffd}\u{fffd}[2J\u{fffd}"] added: ""',
    ]);
  });

  test("no error has one", async () => {
    const { runInProcess } = await import("../support/kseal-in-process.ts");
    const bench = await encrypted({ "a.yaml": "a: b\n" });
    const text = await bench.read("a.yaml");
    await bench.write("a.yaml", text.replace("a: ENC", '"a\\n\\e[2Jkseal: done": ENC'));
    const { stderr } = await runInProcess(["decrypt", "a.yaml"], {
      cwd: bench.host.cwd,
      env: { HOME: bench.host.cwd, SOPS_AGE_KEY: bench.host.env["SOPS_AGE_KEY"] ?? "" },
    });
    expect(stderr).toMatch(/^kseal: a\.yaml \["a\u{fffd}{2}\[2Jkseal: done"\]: /u);
  });
});
