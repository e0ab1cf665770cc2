import { defineConfig } from "rolldown";

// What nearly every call needs, together in one chunk: to find and open a file costs more than its code. The rest is
// split at the dynamic imports, so that a command loads only what it uses.
const always =
  /src[\\/](cli[\\/](run|run-action|commands[\\/]decrypt)|formats[\\/](detect|json)|keys[\\/]age)\.ts$/;
const yaml = /src[\\/]formats[\\/]yaml\.ts$/;

const initializers = /^((?:var|let|const) [\w$]+ = )((?:new |[\w.]+[(`]|[`{])[\s\S]*?);\n(?=\S)/gm;

// Plain JavaScript, because the build must also run on the Node that a clone without install scripts has.
export default defineConfig({
  input: { main: "src/cli/main.ts" },
  platform: "node",
  plugins: [
    {
      // js-yaml makes the schemas and patterns of its own reader and writer when it loads. kseal uses its parser
      // alone, and what is said to have no effect can be left out.
      name: "js-yaml-without-schemas",
      transform: {
        filter: { id: /node_modules[\\/]js-yaml[\\/]/ },
        handler: (code) => code.replace(initializers, "$1/* @__PURE__ */ (() => ($2))();\n"),
      },
    },
  ],
  // The version becomes a text in main.cjs, which `--version` then answers from alone.
  treeshake: { moduleSideEffects: [{ test: /^(?!.*node_modules).*[\\/]src[\\/]/, sideEffects: false }] },
  optimization: { inlineConst: { mode: "all" } },
  output: {
    dir: "dist/cli",
    cleanDir: true,
    // CommonJS starts sooner than ES modules, and an old Node reads it far enough to say what it lacks.
    format: "cjs",
    minify: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: {
      groups: [
        { name: "kseal", test: always, priority: 1 },
        // With js-yaml, which nothing else uses.
        { name: "yaml", test: yaml },
      ],
    },
  },
});
