import { defineConfig } from "rolldown";

// The controller as one folder that runs with Node alone: the image holds nothing else. What only some installations
// need, such as the places of backups, is split off at the dynamic imports.
export default defineConfig({
  // The second is a thread that the first starts.
  input: { main: "controller/main.ts", "template-worker": "controller/template-worker.ts" },
  platform: "node",
  resolve: { mainFields: ["module", "main"] },
  treeshake: {
    moduleSideEffects: [{ test: /^(?!.*node_modules).*[\\/](src|controller)[\\/]/, sideEffects: false }],
  },
  output: {
    dir: "dist/controller",
    cleanDir: true,
    format: "cjs",
    minify: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
  },
});
