import { defineConfig } from "rolldown";

const basics =
  /src[\\/](errors|core[\\/](base64|concat-bytes|time|x509|der[\w-]*)|gotemplate[\\/](go-string|value|go-duration))\.ts$/;

// The controller as one folder that runs with Node alone: the image holds nothing else. What only some installations
// need, such as the places of backups, is split off at the dynamic imports.
export default defineConfig({
  // The second is a thread that the first starts; the third runs once, where the image is made.
  input: {
    main: "controller/start.ts",
    "template-worker": "controller/template-worker.ts",
    compile: "controller/compile.ts",
  },
  platform: "node",
  resolve: { mainFields: ["module", "main"] },
  plugins: [
    {
      // rolldown lets every entry load its runtime. These two use nothing of it, and nothing is to be compiled before them.
      name: "without-runtime",
      generateBundle(_options, bundle) {
        for (const entry of [bundle["main.cjs"], bundle["compile.cjs"]]) {
          entry.code = entry.code.replace(/^require\("\.\/rolldown-runtime-[\w-]+\.cjs"\);/m, "");
        }
      },
    },
  ],
  treeshake: {
    moduleSideEffects: [
      // It is loaded for what it does.
      { test: /controller[\\/]main\.ts$/, sideEffects: true },
      { test: /^(?!.*node_modules).*[\\/](src|controller)[\\/]/, sideEffects: false },
    ],
  },
  output: {
    dir: "dist/controller",
    cleanDir: true,
    format: "cjs",
    // Compiled code that was written down (controller/compile.ts) has no import().
    dynamicImportInCjs: false,
    minify: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: {
      groups: [
        // To find and open a file costs more than its code: what every start needs is one chunk.
        { name: "controller", test: /controller[\\/]main\.ts$/, priority: 1 },
        // The thread must not load that, and some of it is the same.
        { name: "basics", test: basics, priority: 2 },
      ],
    },
  },
});
