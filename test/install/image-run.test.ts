import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, type KsealController } from "../support/cluster-kseal.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { kustomize, objectsOf, ofKind } from "../support/install.ts";
import { runProgram } from "../support/run-program.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const root = join(import.meta.dirname, "..", "..");

/*
 * What the image does, without an image: the bundle and Node where the image has them, a file system that nobody can
 * write to, the user of the Deployment, no capabilities, no home folder, no environment but what a pod has.
 */
const asInTheImage = [
  'mount --bind "$1" /mnt',
  'mount --bind "$2" /media',
  "mount -o remount,bind,ro /mnt",
  "mount -o remount,bind,ro /media",
  "mount -t tmpfs -o ro none /tmp",
  "mount -o remount,bind,ro /",
  'user="$3"',
  "shift 3",
  "cd /mnt",
  'exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set -all env -i ' +
    'KUBERNETES_SERVICE_HOST="$KUBERNETES_SERVICE_HOST" KUBERNETES_SERVICE_PORT="$KUBERNETES_SERVICE_PORT" "$@"',
].join(" && ");

// Nobody but root can be another user.
describe.skipIf(!hasBitnamiController || process.getuid?.() !== 0)(
  "the bundle, run as the image runs it",
  () => {
    const folder = makeFolder({});
    const bundle = join(folder, "bundle");
    let cluster: TestCluster;
    let controller: KsealController;
    let stage: Stage;
    let user: number;

    beforeAll(async () => {
      const rolldown = join(root, "node_modules", ".bin", "rolldown");
      const config = ["-c", "rolldown.controller.config.js", "-d", bundle];
      const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
      const built = await runProgram([process.execPath, rolldown, ...config], { cwd: root, env });
      expect(built.status, built.stderr).toBe(0);
      user = ofKind(objectsOf(await kustomize("base")), "Deployment").spec.template.spec.securityContext
        .runAsUser;
      cluster = await startCluster();
      await cluster.createNamespace("shop");
      stage = new Stage(cluster, "shop");
      controller = await addController(cluster, {
        program: [
          ...["/bin/sh", "-c", asInTheImage, "image", bundle, dirname(process.execPath), String(user)],
          ...entrypoint("/media/node"),
        ] as [string, ...string[]],
        flags: ["--log-level", "DEBUG"],
      });
    });
    afterAll(async () => {
      await controller?.stop();
      await cluster?.stop();
      removeFolder(folder);
    });

    const add = async (name: string, template: object = {}) => {
      const certificate = await controller.certificate();
      const sealed = await sealers.kseal(stage.plain(name, { password: name }), {
        certificate,
        folder: cluster.folder,
      });
      await stage.post({ ...sealed, spec: { ...sealed["spec"], template } });
    };

    test("is that user, who may write nowhere and do nothing special", () => {
      const status = readFileSync(`/proc/${controller.process.pid}/status`, "utf8");
      expect(status).toMatch(new RegExp(`^Uid:\\s+${user}\\s+${user}\\s+${user}\\s+${user}$`, "m"));
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      const mounts = readFileSync(`/proc/${controller.process.pid}/mountinfo`, "utf8");
      for (const place of ["/", "/tmp", "/mnt", "/media"]) {
        expect(mounts).toMatch(new RegExp(`^\\S+ \\S+ \\S+ \\S+ ${place} ro\\b`, "m"));
      }
    });

    test("makes a key and a Secret of a SealedSecret, short templates and long ones included", async () => {
      await add("db");
      await stage.becomes("db", { password: "db" });
      await stage.synced("db");
      await add("templates", {
        data: { short: "{{ .password | upper }}", long: '{{ genPrivateKey "rsa" | len }}' },
      });
      const { data } = (await stage.synced("templates").then(() => stage.secret("templates"))) ?? {};
      expect(Buffer.from(data.short, "base64").toString()).toBe("TEMPLATES");
      expect(Number(Buffer.from(data.long, "base64").toString())).toBeGreaterThan(3000);
      expect(controller.log()).not.toMatch(/EACCES|EROFS|ENOENT|"level":"ERROR"/);
    });

    test("ends when it is told to, and gives the lease back", async () => {
      await controller.stop("SIGTERM");
      const lease = await cluster.api.call(
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/sealed-secrets-controller",
      );
      expect(lease.spec.holderIdentity ?? "").toBe("");
    });
  },
);

/** The command of the image, with Node at another place. */
function entrypoint(node: string): readonly string[] {
  const lines = readFileSync(join(root, "Dockerfile"), "utf8").match(/^ENTRYPOINT .*main\.cjs.*$/gm) ?? [];
  const [, ...words] = JSON.parse(lines.at(-1)?.slice("ENTRYPOINT ".length) ?? "[]") as string[];
  return [node, ...words];
}
