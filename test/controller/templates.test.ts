import { monitorEventLoopDelay } from "node:perf_hooks";
import { expect, test } from "vitest";
import { Opener } from "../../controller/opener.ts";
import { readSealedSecret } from "../../src/sealed/sealed-secret.ts";
import type { Unsealed } from "../../src/sealed/unseal-secret.ts";
import { sealedObject, testKey } from "../support/controller.ts";
import { random } from "../support/sealed.ts";

/** Beside the templates the leader renews its lease, and answers the probes. */
const longestPause = 400;
const values = { password: "hunter2" };

function opener(): Opener {
  return new Opener({ workers: 2, acceptV1: true, now: Date.now, random });
}

/** Unseals an object with templates, and says for how long nothing else could run, in milliseconds. */
async function unseal(
  templates: Readonly<Record<string, string>>,
  by = opener(),
): Promise<{ readonly unsealed: Unsealed | undefined; readonly message: string; readonly pause: number }> {
  const sealed = readSealedSecret(sealedObject(values, { template: { data: templates } }));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const outcome = await by.unseal(sealed, [testKey], undefined).then(
    (unsealed) => ({ unsealed, message: "" }),
    (error: Error) => ({ unsealed: undefined, message: error.message }),
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { ...outcome, pause: delay.max / 1e6 };
}

const text = (unsealed: Unsealed | undefined, item: string) =>
  Buffer.from(unsealed?.secret.data.get(item) ?? []).toString();

test("a template that takes long is rendered as any other, and holds up nothing", async () => {
  const made = await unseal({
    short: "{{ .password | upper }}",
    hash: '{{ range until 2 }}{{ derivePassword 1 "long" $.password "a" "b" | len }} {{ end }}',
  });
  expect(made.message).toBe("");
  expect(text(made.unsealed, "short")).toBe("HUNTER2");
  expect(text(made.unsealed, "hash")).toBe("14 14 ");
  expect(text(made.unsealed, "password")).toBe("hunter2");
  expect(made.pause).toBeLessThan(longestPause);
});

test.for([
  ["loops", "{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}", "more than 5000000 steps"],
  [
    "text",
    '{{ range until 90 }}{{ repeat 1000000 "x" }}{{ end }}',
    "the text is longer than 4194304 characters",
  ],
  ["a pattern", '{{ regexFindAll "(x+x+)+y" (repeat 500000 "x") -1 }}', ""],
  ["themselves", "{{ .password }}".repeat(8000), ""],
] as const)("a bomb of %s ends by itself, and holds up nothing", async ([, template, message]) => {
  const bomb = await unseal({ out: template, good: "{{ .password }}" });
  if (message === "") expect(text(bomb.unsealed, "good")).toBe("hunter2");
  else expect(bomb.message).toContain(message);
  expect(bomb.message).not.toContain("hunter2");
  expect(bomb.pause).toBeLessThan(longestPause);
});

test("of many bombs at once one is rendered and one waits; the others come again", async () => {
  const by = opener();
  const bomb = { out: "{{ range until 600 }}{{ range until 600 }}{{ end }}{{ end }}" };
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => unseal(bomb, by)));
  const messages = outcomes.map(({ message }) => message);
  expect(messages.filter((each) => each === "")).toHaveLength(2);
  const busy = "other templates take long, and these have to wait";
  expect(messages.filter((each) => each === busy)).toHaveLength(4);
  for (const { pause } of outcomes) expect(pause).toBeLessThan(longestPause);
  expect((await unseal({ out: "{{ .password }}" }, by)).message).toBe("");
});

test("what a bomb of templates says about values is left out there, too", async () => {
  const slow = "{{ range until 200 }}{{ range until 200 }}{{ end }}{{ end }}";
  const { message } = await unseal({ out: `${slow}{{ fail .password }}` });
  expect(message).toMatch(/error calling fail: \(left out, as it may hold a value\) \(out\)$/);
});
