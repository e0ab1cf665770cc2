import { defineConfig } from "rolldown";

// What nearly every call needs, together in one chunk: to find and open a file costs more than its code. The rest is
// split at the dynamic imports, so that a command loads only what it uses.
const always =
  /src[\\/](cli[\\/](run|run-action|commands[\\/]decrypt)|formats[\\/](detect|json)|keys[\\/]age)\.ts$/;
// Every key source has a chunk of its own, and what several of them use has another, so that none loads a second one.
const sources = /src[\\/]keys[\\/](in-flight|network-failure|own-words|retries|wait-at-most)\.ts$/;
// .sops.yaml is read with it too, and must not bring the AWS SDK along.
const awsArn = /src[\\/]core[\\/]aws-arn\.ts$/;
const awsKms = /src[\\/]keys[\\/]aws-kms\.ts$/;
// Kubernetes' reading of YAML is a page next to it.
const yaml = /src[\\/]formats[\\/](manifest-)?yaml\.ts$/;
// What every command for SealedSecrets and the drop-in have in common; then all of `seal`, and of sealing as kubeseal does.
const sealed =
  /src[\\/](sealed[\\/](certificate|open-items|scope|seal-secret|sealed-secret|secret)|formats[\\/]manifest(-print)?)\.ts$/;
const seal = /src[\\/]cli[\\/]commands[\\/]seal\.ts$/;
const kubeseal =
  /src[\\/]cli[\\/]compat[\\/]kubeseal(-(call|certificate|error|files|flags|objects|run|seal))?\.ts$/;

const initializers = /^((?:var|let|const) [\w$]+ = )((?:new |[\w.]+[(`]|[`{])[\s\S]*?);\n(?=\S)/gm;

/** A character of a text or a pattern; nothing else in the bundle is beyond ASCII. */
function escaped(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

// Plain JavaScript, because the build must also run on the Node that a clone without install scripts has.
export default defineConfig({
  input: { main: "src/cli/main.ts" },
  platform: "node",
  // The AWS SDK has ES modules besides CommonJS, of which only what is used gets into the bundle: a third.
  resolve: { mainFields: ["module", "main"] },
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
    {
      // A text of ASCII alone is read from disk, scanned and compiled in half the time.
      name: "always-ascii",
      generateBundle(_options, bundle) {
        for (const chunk of Object.values(bundle)) {
          if (chunk.type !== "chunk" || !/^(kseal|yaml)$/.test(chunk.name)) continue;
          chunk.code = chunk.code.replace(/[^\0-\x7f]/g, escaped);
        }
      },
    },
    {
      // With gRPC somewhere in the bundle, rolldown lets main.cjs load its runtime, of which that uses nothing.
      name: "main-without-runtime",
      generateBundle(_options, bundle) {
        const { "main.cjs": main } = bundle;
        main.code = main.code.replace(/^require\("\.\/rolldown-runtime-[\w-]+\.cjs"\);/m, "");
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
    // Compiled code that was kept (src/cli/code-cache.ts) has no import().
    dynamicImportInCjs: false,
    minify: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: {
      groups: [
        { name: "kseal", test: always, priority: 2 },
        { name: "sources", test: sources, priority: 1 },
        { name: "aws-arn", test: awsArn, priority: 1 },
        { name: "aws-kms", test: awsKms },
        // With js-yaml, which nothing else uses.
        { name: "yaml", test: yaml, priority: 1 },
        // Its printer quotes as that of YAML files does, and so brings that chunk along.
        { name: "sealed", test: sealed, priority: 1 },
        { name: "seal", test: seal },
        { name: "kubeseal", test: kubeseal },
      ],
    },
  },
});
