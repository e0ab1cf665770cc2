import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sealItem } from "../../src/sealed/envelope.ts";
import { openItems } from "../../src/sealed/open-items.ts";
import type { Scope } from "../../src/sealed/scope.ts";
import { isSyncName, type SealOptions, sealSecret, sealValue } from "../../src/sealed/seal-secret.ts";
import { readSealedSecret, sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { newestFirst, readPemKeys, type SealingKey } from "../../src/sealed/sealing-key.ts";
import { readSecret, secretObject } from "../../src/sealed/secret.ts";
import {
  groupFailures,
  UnsealError,
  type UnsealOptions,
  unsealSecret,
} from "../../src/sealed/unseal-secret.ts";
import { envelopeVectors, random, vectorCertificate, vectorSealingKey } from "../support/sealed.ts";

/** A SealedSecret as JSON. */
interface Printed {
  metadata: { name: string; namespace?: string; uid?: string; annotations?: Record<string, string> };
  spec: {
    template: {
      metadata: { name?: string; namespace?: string; annotations?: Record<string, string> };
      data?: Record<string, string>;
    };
    encryptedData: Record<string, string>;
  };
}

const prefix = "sealedsecrets.bitnami.com/";
const stranger = strangerKey();
const small = vectorSealingKey("rsa2048");
const large = vectorSealingKey("rsa4096");
const render = () => "rendered";
const unsealing: UnsealOptions = { keys: [small], render, acceptV1: true };
const scopes: readonly Scope[] = ["strict", "namespace-wide", "cluster-wide"];

const manifest = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db", namespace: "shop", labels: { app: "shop" }, annotations: { note: "n" } },
  type: "Opaque",
  data: { user: Buffer.from("root").toString("base64") },
  stringData: { password: "hunter2" },
};

const seal = (document: unknown = manifest, options: Partial<SealOptions> = {}) =>
  sealSecret(readSecret(document), { publicKey: vectorCertificate("rsa2048").publicKey, random, ...options });
/** Printed and read again, as through a file. */
const reread = (sealed: ReturnType<typeof seal>["sealed"]) =>
  readSealedSecret(JSON.parse(JSON.stringify(sealedSecretObject(sealed))));
const edited = (sealed: ReturnType<typeof seal>["sealed"], change: (object: Printed) => void) => {
  const object = JSON.parse(JSON.stringify(sealedSecretObject(sealed)));
  change(object);
  return readSealedSecret(object);
};
const values = (data: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...data].map(([item, bytes]) => [item, Buffer.from(bytes).toString()]));

describe("a sealed Secret", () => {
  test.for(scopes.flatMap((scope) => ["rsa2048", "rsa4096"].map((key) => [scope, key] as const)))(
    "of %s scope opens again with %s",
    ([scope, name]) => {
      const key = vectorSealingKey(name as "rsa2048");
      const { sealed } = seal(manifest, { scope, publicKey: key.certificate!.publicKey });
      const { secret, openers, rsaOperations } = unsealSecret(reread(sealed), { ...unsealing, keys: [key] });
      expect(values(secret.data)).toEqual({ password: "hunter2", user: "root" });
      expect([...openers]).toEqual([
        ["password", key],
        ["user", key],
      ]);
      expect(rsaOperations).toBe(2);
    },
  );

  test("has the shape that kubeseal prints", () => {
    expect(sealedSecretObject(seal().sealed)).toEqual({
      kind: "SealedSecret",
      apiVersion: "bitnami.com/v1alpha1",
      metadata: { name: "db", namespace: "shop" },
      spec: {
        template: { metadata: manifest.metadata, type: "Opaque" },
        encryptedData: { password: expect.stringMatching(/^AQ/), user: expect.stringMatching(/^AQ/) },
      },
    });
  });

  test.for([
    ["namespace-wide", { name: "db", namespace: "shop" }],
    ["cluster-wide", { name: "db" }],
  ] as const)("asks for %s scope by annotations, of the object and of its template", ([scope, metadata]) => {
    const annotations = { [prefix + scope]: "true" };
    const { sealed } = seal({ ...manifest, metadata: { ...metadata, annotations } });
    const object = sealedSecretObject(sealed) as unknown as Printed;
    expect(object.metadata).toEqual({ ...metadata, annotations });
    expect(object.spec.template.metadata.annotations).toEqual(annotations);
  });

  test("of a scope that is given has the annotations of that one alone", () => {
    const annotations = { [`${prefix}cluster-wide`]: "true", note: "n" };
    const { sealed } = seal(
      { ...manifest, metadata: { ...manifest.metadata, annotations } },
      { scope: "strict" },
    );
    const object = sealedSecretObject(sealed) as unknown as Printed;
    expect(object.metadata.annotations).toBeUndefined();
    expect(object.spec.template.metadata.annotations).toEqual({ note: "n" });
    expect(values(unsealSecret(reread(sealed), unsealing).secret.data)["password"]).toBe("hunter2");
  });

  test("S24: holds nothing of what came from a cluster, and says so", () => {
    const applied = "kubectl.kubernetes.io/last-applied-configuration";
    const { sealed, stripped } = seal({
      ...manifest,
      metadata: {
        ...manifest.metadata,
        annotations: {
          [applied]: '{"stringData":{"password":"hunter2"}}',
          "kubecfg.ksonnet.io/last-applied-configuration": "x",
          kept: "k",
        },
        managedFields: [{ manager: "kubectl", fieldsV1: { "f:data": { "f:password": {} } } }],
        ownerReferences: [{ name: "x" }],
        uid: "u",
        resourceVersion: "1",
        generation: 2,
        creationTimestamp: "2026-11-21T09:00:00Z",
        finalizers: ["example.com/f"],
      },
    });
    expect(JSON.stringify(sealedSecretObject(sealed))).not.toContain("hunter2");
    expect((sealedSecretObject(sealed) as unknown as Printed).spec.template.metadata).toEqual({
      name: "db",
      namespace: "shop",
      labels: { app: "shop" },
      annotations: { kept: "k" },
      finalizers: ["example.com/f"],
    });
    expect(stripped).toEqual([
      `metadata.annotations["${applied}"]`,
      'metadata.annotations["kubecfg.ksonnet.io/last-applied-configuration"]',
      "metadata.managedFields",
      "metadata.ownerReferences",
      "metadata.uid",
      "metadata.resourceVersion",
      "metadata.generation",
      "metadata.creationTimestamp",
    ]);
    expect(seal().stripped).toEqual([]);
  });

  test("S24: keeps what steers Argo CD and Flux on the SealedSecret when asked", () => {
    const annotations = {
      "argocd.argoproj.io/sync-wave": "-1",
      "argocd.argoproj.io/tracking-id": "app:v1/Secret:shop/db",
      "kustomize.toolkit.fluxcd.io/prune": "disabled",
      note: "n",
    };
    const { sealed } = seal(
      { ...manifest, metadata: { ...manifest.metadata, annotations } },
      { carry: isSyncName },
    );
    expect((sealedSecretObject(sealed) as unknown as Printed).metadata).toEqual({
      name: "db",
      namespace: "shop",
      annotations: { "argocd.argoproj.io/sync-wave": "-1", "kustomize.toolkit.fluxcd.io/prune": "disabled" },
    });
  });

  test.for([
    [{ metadata: { namespace: "shop" } }, "metadata.name is missing in the Secret"],
    [{ metadata: { name: "db" } }, "the Secret db has no namespace"],
    [{ data: {}, stringData: {} }, "the Secret shop/db has no values"],
  ] as const)("cannot be made of a Secret with %j", ([change, message]) => {
    expect(() => seal({ ...manifest, ...change })).toThrow(
      expect.objectContaining({ code: "SEALED_INVALID", message }),
    );
  });

  test("may be empty when that is meant", () => {
    const { sealed } = seal({ ...manifest, data: {}, stringData: {} }, { allowEmpty: true });
    expect(sealed.encryptedData.size).toBe(0);
  });
});

test.for(scopes)(
  "a single value is sealed for its place without a look at the others, in %s scope",
  (scope) => {
    const { sealed } = seal(manifest, { scope });
    const place = { scope, name: "db", namespace: "shop" };
    const { publicKey } = vectorCertificate("rsa2048");
    const added = sealValue(Buffer.from("new"), { publicKey, random, ...place });
    const merged = edited(sealed, (object) => {
      object.spec.encryptedData["user"] = added;
    });
    expect(values(unsealSecret(merged, unsealing).secret.data)).toEqual({ password: "hunter2", user: "new" });
  },
);

describe("unsealing", () => {
  test("gives the template's metadata, type and immutable under the object's own name, owned by it", () => {
    const sealed = edited(seal({ ...manifest, immutable: true }).sealed, (object) => {
      object.metadata.uid = "123";
      object.spec.template.metadata.name = "other";
      object.spec.template.metadata.namespace = "elsewhere";
    });
    expect(secretObject(unsealSecret(sealed, unsealing).secret)).toEqual({
      kind: "Secret",
      apiVersion: "v1",
      metadata: {
        ...manifest.metadata,
        ownerReferences: [
          {
            apiVersion: "bitnami.com/v1alpha1",
            kind: "SealedSecret",
            name: "db",
            uid: "123",
            controller: true,
          },
        ],
      },
      immutable: true,
      data: { password: "aHVudGVyMg==", user: "cm9vdA==" },
      type: "Opaque",
    });
  });

  test("sets no owner when the template says so", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.template.metadata.annotations = { [`${prefix}skip-set-owner-references`]: "true" };
    });
    expect(unsealSecret(sealed, unsealing).secret.metadata.other.has("ownerReferences")).toBe(false);
  });

  test("renders templates with the values, and the result stands over an item of the same name", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.template.data = { conf: "C", user: "U" };
    });
    const seen: unknown[] = [];
    const { secret } = unsealSecret(sealed, {
      ...unsealing,
      render: (item, template, data) => {
        seen.push([item, template, Object.fromEntries(data)]);
        return `${template}:${data.get("password")}`;
      },
    });
    const data = { password: "hunter2", user: "root" };
    expect(seen).toEqual([
      ["conf", "C", data],
      ["user", "U", data],
    ]);
    expect(values(secret.data)).toEqual({ conf: "C:hunter2", password: "hunter2", user: "U:hunter2" });
  });

  test.for(envelopeVectors.filter(({ label }) => label !== "default/ünïcode"))(
    "opens a value of Sealed Secrets for $key with the label $label",
    ({ key, label, base64, plaintext }) => {
      const scope = label === "" ? "cluster-wide" : label.includes("/") ? "strict" : "namespace-wide";
      const sealed = readSealedSecret({
        apiVersion: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: { name: "mysecret", namespace: "myns", annotations: { [prefix + scope]: "true" } },
        spec: { encryptedData: { a: base64 } },
      });
      const { secret } = unsealSecret(sealed, { ...unsealing, keys: [vectorSealingKey(key)] });
      expect(secret.data.get("a")).toEqual(plaintext);
    },
  );

  test.for([
    [
      "another name",
      "strict",
      "refused",
      (object: Printed) => {
        object.metadata.name = "other";
      },
    ],
    [
      "another namespace",
      "strict",
      "refused",
      (object: Printed) => {
        object.metadata.namespace = "other";
      },
    ],
    [
      "another name",
      "namespace-wide",
      "opened",
      (object: Printed) => {
        object.metadata.name = "other";
      },
    ],
    [
      "another namespace",
      "namespace-wide",
      "refused",
      (object: Printed) => {
        object.metadata.namespace = "other";
      },
    ],
    [
      "another name and namespace",
      "cluster-wide",
      "opened",
      (object: Printed) => {
        object.metadata = { ...object.metadata, name: "o", namespace: "o" };
      },
    ],
    [
      "its annotation turned off",
      "cluster-wide",
      "refused",
      (object: Printed) => {
        object.metadata.annotations = { [`${prefix}cluster-wide`]: "false" };
      },
    ],
    [
      "a wider annotation",
      "strict",
      "refused",
      (object: Printed) => {
        object.metadata.annotations = { [`${prefix}cluster-wide`]: "true" };
      },
    ],
  ] as const)("with %s, a value of %s scope is %s", ([, scope, outcome, change]) => {
    const sealed = edited(seal(manifest, { scope }).sealed, change);
    if (outcome === "opened")
      return expect(values(unsealSecret(sealed, unsealing).secret.data)["user"]).toBe("root");
    expect(() => unsealSecret(sealed, unsealing)).toThrow(
      expect.objectContaining({
        code: "SEALED_NO_KEY",
        exitCode: 31,
        message: "no key could decrypt secret (password, user)",
      }),
    );
  });

  test("S2: the template's annotations say nothing about the scope", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.template.metadata.annotations = { [`${prefix}cluster-wide`]: "true" };
    });
    expect(values(unsealSecret(sealed, unsealing).secret.data)["user"]).toBe("root");
  });

  test("S2: items are opened without a look at the template", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.template.data = { conf: '{{ fail "never rendered" }}' };
    });
    expect(values(openItems(sealed, { keys: [small] }).values)).toEqual({
      password: "hunter2",
      user: "root",
    });
  });
});

describe("what does not open", () => {
  test("is reported item by item, grouped by message, and nothing is produced", () => {
    const broken = edited(
      seal({ ...manifest, stringData: { a: "1", b: "2", c: "3", d: "4", e: "5" } }).sealed,
      (object) => {
        const { a = "", c = "" } = object.spec.encryptedData;
        object.spec.encryptedData = {
          a,
          b: "AgA ",
          c: `${c[0]}R${c.slice(2)}`,
          d: "AgAB",
          e: a.replace(/.{8}$/, "AAAAAAAA"),
        };
        object.spec.template.data = { z: "?", y: "?" };
      },
    );
    const failing = {
      ...unsealing,
      render: (item: string) => {
        throw new Error(`template: ${item}:1: bad`);
      },
    };
    const error = caught(() => unsealSecret(broken, failing));
    expect(error).toMatchObject({
      code: "SEALED_NO_KEY",
      message: [
        "illegal base64 data at input byte 3 (b)",
        "no key could decrypt secret (c, d, e)",
        "template: y:1: bad (y)",
        "template: z:1: bad (z)",
      ].join("\n"),
    });
    expect(error.failures.map(({ item, detail, tried }) => [item, detail, tried.length])).toEqual([
      ["b", undefined, 0],
      ["c", expect.any(String), 0],
      ["d", "SealedSecret data is too short", 0],
      ["e", undefined, 1],
      ["y", undefined, 0],
      ["z", undefined, 0],
    ]);
  });

  test("is said as the controller 0.36.6 said it of the same values, but for the order", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.encryptedData = { ...object.spec.encryptedData, a: "!!!", c: "AAAA", d: "A" };
    });
    const recorded = "no key could decrypt secret (c)\nillegal base64 data at input byte 0 (d, a)";
    const words = (text: string) => text.split(/[\n ,()]+/).toSorted();
    const { message } = caught(() => unsealSecret(sealed, unsealing));
    expect(words(message)).toEqual(words(recorded));
    expect(message).toBe("illegal base64 data at input byte 0 (a, d)\nno key could decrypt secret (c)");
  });

  test("without any key is said in the same words", () => {
    const error = caught(() => unsealSecret(seal().sealed, { ...unsealing, keys: [] }));
    expect(error.message).toBe("no key could decrypt secret (password, user)");
    expect(error.hint).toBe("it is sealed for a key of 2048 bits, and no key at hand has that size");
  });

  test("of templates alone has another code", () => {
    const sealed = edited(seal().sealed, (object) => {
      object.spec.template.data = { a: "?" };
    });
    const failing = {
      ...unsealing,
      render: () => {
        throw new Error("bad");
      },
    };
    expect(caught(() => unsealSecret(sealed, failing))).toMatchObject({
      code: "SEALED_INVALID",
      message: "bad (a)",
    });
  });

  test("is grouped with items sorted, whatever their order", () => {
    const failures = ["b", "a", "c"].map((item) => ({ item, message: item === "c" ? "two" : "one" }));
    expect(groupFailures(failures)).toBe("one (a, b)\ntwo (c)");
  });
});

describe("the order in which keys are tried", () => {
  const older: SealingKey = { ...small, name: "older", certificate: { ...small.certificate!, notBefore: 1 } };
  const strangers = Array.from(
    { length: 3 },
    (_, at): SealingKey => ({
      ...stranger,
      name: `stranger${at}`,
      certificate: { ...small.certificate!, notBefore: at + 2 },
    }),
  );
  const keys = newestFirst([older, large, ...strangers]);

  test("S15: is newest first, without keys of another size, and the opener of one item is tried first for the next", () => {
    const { sealed } = seal();
    const { rsaOperations, last } = unsealSecret(sealed, { ...unsealing, keys });
    // Three strangers and the right one for the first item, the right one for the second; never the large key.
    expect(rsaOperations).toBe(4 + 1);
    expect(last).toBe(older);
  });

  test("S15: begins with the key that opened the object before", () => {
    const first = unsealSecret(seal().sealed, { ...unsealing, keys }).last;
    const again = unsealSecret(seal().sealed, { ...unsealing, keys, first });
    expect(again.rsaOperations).toBe(2);
  });

  test("S15: a failure names every key that was tried", () => {
    const error = caught(() => unsealSecret(seal().sealed, { ...unsealing, keys: [large, ...strangers] }));
    expect(error.rsaOperations).toBe(6);
    expect(error.failures[0]?.tried).toEqual(strangers.map(({ fingerprint }) => fingerprint));
  });
});

describe("an object from before 0.7", () => {
  const inner = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "inner", namespace: "inner", labels: { a: "b" } },
    data: { user: "cm9vdA==" },
    type: "Opaque",
  };
  const blob = (content: string) =>
    Buffer.from(
      sealItem(Buffer.from(content), {
        publicKey: small.certificate!.publicKey,
        label: "shop/db",
        sessionKey: random(32),
      }),
    ).toString("base64");
  const v1 = (content: string, spec = {}) =>
    readSealedSecret({
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name: "db", namespace: "shop" },
      spec: { data: blob(content), ...spec },
    });

  test("opens to the Secret inside, under the object's own name", () => {
    const { secret, rsaOperations } = unsealSecret(v1(JSON.stringify(inner)), unsealing);
    expect(secret.metadata).toMatchObject({ name: "db", namespace: "shop", labels: new Map([["a", "b"]]) });
    expect(values(secret.data)).toEqual({ user: "root" });
    expect(rsaOperations).toBe(1);
  });

  test.for([
    [
      "the switch is off",
      v1("{}"),
      { acceptV1: false },
      "SEALED_INVALID",
      "using deprecated 'data' field, use 'encryptedData' or flip the feature flag",
    ],
    [
      "encryptedData is there too",
      v1("{}", { encryptedData: { a: "AQ==" } }),
      {},
      "SEALED_INVALID",
      "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time",
    ],
    ["no key opens it", v1("{}"), { keys: [large] }, "SEALED_NO_KEY", "no key could decrypt secret"],
    ["it is no JSON", v1("hunter2"), {}, "SEALED_INVALID", "the Secret inside spec.data is not JSON"],
    [
      "it is no Secret",
      v1('{"kind":"ConfigMap","apiVersion":"v1"}'),
      {},
      "SEALED_INVALID",
      "the manifest is ConfigMap (v1), not a Secret",
    ],
  ] as const)("is refused when %s", ([, sealed, options, code, message]) => {
    expect(() => unsealSecret(sealed, { ...unsealing, ...options })).toThrow(
      expect.objectContaining({ code, message }),
    );
  });
});

/** A key of the same size as the one that opens. */
function strangerKey(): SealingKey {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return readPemKeys(privateKey.export({ type: "pkcs1", format: "pem" }).toString())[0]!;
}

function caught(work: () => unknown): UnsealError {
  try {
    work();
  } catch (error) {
    if (error instanceof UnsealError) return error;
    throw error;
  }
  throw new Error("it opened");
}
