import { expect, test } from "vitest";
import { splitWords } from "../../src/core/shell-words.ts";

// As the shlex package that SOPS uses splits them.
test.for([
  ["op read op://vault/key", ["op", "read", "op://vault/key"]],
  ["  pass   show\tsops/age\n", ["pass", "show", "sops/age"]],
  ["sh -c 'echo \"$KEY\"'", ["sh", "-c", 'echo "$KEY"']],
  ['a "b c" d\\ e', ["a", "b c", "d e"]],
  ['"a \\" b" \\\\', ['a " b', "\\"]],
  ["a'b'\"c\"d", ["abcd"]],
  ["a '' \"\"", ["a", "", ""]],
  ["a # the rest\nb", ["a", "b"]],
  ["a#b c", ["a#b", "c"]],
  ["# nothing else", []],
  ["''#a \\##b c#", ["#a", "##b", "c#"]],
  ['"a\\nb"', ["anb"]],
  ["", []],
] as const)("%j splits into %j", ([line, words]) => {
  expect(splitWords(line, "shlex")).toEqual(words);
});

test.for(["a 'b", 'a "b', 'a "b\\"', "a \\"])("%j has no end", (line) => {
  expect(splitWords(line, "shlex")).toBeUndefined();
});
