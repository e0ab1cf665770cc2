import { defineConfig } from "vitest/config";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  throw new Error(
    `tests need Node >= 24.15 but run on ${process.version}; run them with "npm test" after "npm ci" (without --ignore-scripts)`,
  );
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    restoreMocks: true,
    unstubEnvs: true,
    testTimeout: 60_000,
    // A hook may start a whole cluster.
    hookTimeout: 60_000,
    retry: process.env["CI"] === undefined ? 0 : 2,
  },
});
