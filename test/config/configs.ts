/** Configurations that both the parser and the JSON schema must judge the same way, and SOPS itself where it can. */

export const ada = "age1aqpntlhqy6fzuw8mwaezzy2j6vp42prgehqnl0uuq042js8r54csvu3d29";
const ben = "age16rln3m0dxsxsjhzm97kzdrdrw7xmcd47gn2mj5jsvlnu9azj4scs8w0ayu";
const eve = "age1g0js6yd2vmrd3zfddfgk8k5w0dhqkmjgk3wekr8c6cgq440uremsttslrp";

const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
const role = "arn:aws:iam::111122223333:role/sops";
const fingerprint = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";
const subkey = "0123456789abcdef0123456789ABCDEF01234567!";
const gcp = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
const vault = "http://127.0.0.1:1/v1/transit/keys/x";
const azure = "https://127.0.0.1:1/keys/k/v";

export interface GoodConfig {
  readonly name: string;
  readonly text: string;
  /** The file that is asked about; `a.yaml` when left out. */
  readonly file?: string;
  /** The keys of the rule that matches, as SOPS prints them, group by group; `undefined` when no rule matches. */
  readonly groups: readonly (readonly string[])[] | undefined;
  /** The selection in the file that SOPS writes. */
  readonly selection?: string;
  /** SOPS cannot be asked: it wants the network, or keeps duplicates. */
  readonly notInSops?: boolean;
  /** The schema is stricter: it does not tell an empty selection from another. */
  readonly schemaRefuses?: boolean;
}

const rule = (fields: string): string => `creation_rules:\n  - ${fields.replaceAll("\n", "\n    ")}\n`;

export const goodConfigs: readonly GoodConfig[] = [
  { name: "a rule without path_regex matches every file", text: rule(`age: ${ada}`), groups: [[ada]] },
  {
    name: "an empty path_regex matches every file",
    text: rule(`path_regex: ''\nage: ${ada}`),
    groups: [[ada]],
  },
  {
    name: "a path_regex of null matches every file",
    text: rule(`path_regex:\nage: ${ada}`),
    groups: [[ada]],
  },
  {
    name: "the first rule that matches decides",
    text: `creation_rules:\n- path_regex: b\n  age: ${ben}\n- path_regex: a\n  age: ${ada}\n- age: ${eve}\n`,
    groups: [[ada]],
  },
  {
    name: "path_regex is searched anywhere in the path below the configuration",
    text: rule(`path_regex: r/se\nage: ${ada}`),
    file: "deep/er/secret.yaml",
    groups: [[ada]],
  },
  {
    name: "path_regex is anchored at the configuration's folder",
    text: rule(`path_regex: ^deep/\nage: ${ada}`),
    file: "deep/er/secret.yaml",
    groups: [[ada]],
  },
  {
    name: "path_regex knows RE2's flags and classes",
    text: rule(`path_regex: '(?i)^SECRET[[:digit:]]\\.yaml\\z'\nage: ${ada}`),
    file: "secret1.yaml",
    groups: [[ada]],
  },
  { name: "no rule matches", text: rule(`path_regex: b\nage: ${ada}`), groups: undefined },
  { name: "an empty list of rules", text: "creation_rules: []\n", groups: undefined },
  { name: "an empty file", text: "", groups: undefined },
  { name: "a file of comments", text: "# nothing\n", groups: undefined },
  { name: "only stores", text: "stores: {yaml: {indent: 2}}\n", groups: undefined },
  { name: "recipients with commas", text: rule(`age: '${ada}, ${ben},'`), groups: [[ada, ben]] },
  { name: "recipients over lines", text: rule(`age: >-\n  ${ada},\n  ${ben}`), groups: [[ada, ben]] },
  { name: "recipients in a literal block", text: rule(`age: |\n  ${ada},\n  ${ben},`), groups: [[ada, ben]] },
  { name: "recipients as a list", text: rule(`age:\n  - ${ada}\n  - ${ben}`), groups: [[ada, ben]] },
  {
    name: "a list whose items have commas",
    text: rule(`age: ['${ada},${ben}', ${eve}]`),
    groups: [[ada, ben, eve]],
  },
  {
    name: "a recipient twice counts once",
    text: rule(`age: ['${ada},${ada}']`),
    groups: [[ada]],
    notInSops: true,
  },
  {
    name: "an SSH recipient keeps its spaces",
    text: rule(
      "age: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZDRcvS8PnhXr30WKSKmf7WKKi92ACUa5nW589WukJz me@example.com",
    ),
    groups: [
      ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZDRcvS8PnhXr30WKSKmf7WKKi92ACUa5nW589WukJz me@example.com"],
    ],
  },
  {
    name: "all key types of a rule, in the order of SOPS",
    text: rule(
      [
        `hc_vault_transit_uri: ${vault}`,
        `azure_keyvault: ${azure}`,
        "hckms: [eu:1, ' eu:2 ']",
        `gcp_kms: ${gcp}`,
        `kms: '${arn}+${role}, ${arn}'`,
        "pgp: FBC7 B9E2 A4F9 289A C0C1  D484 3D16 CEE4 A273 81B4, 0123456789abcdef",
        `age: ${ada}`,
      ].join("\n"),
    ),
    groups: [
      [ada, fingerprint, "0123456789abcdef", `${arn}+${role}`, arn, gcp, "eu:1", "eu:2", azure, vault],
    ],
  },
  {
    name: "aws_profile belongs to the keys under kms",
    text: rule(`kms: ${arn}\naws_profile: prod`),
    groups: [[`${arn}||prod`]],
  },
  {
    name: "an Azure key without a version",
    text: rule("azure_keyvault: https://vault.example.net/keys/k"),
    groups: [["https://vault.example.net/keys/k/"]],
    notInSops: true,
  },
  {
    name: "an engine path of several parts",
    text: rule("hc_vault_transit_uri: https://v:8200/v1/a/b/c/keys/k"),
    groups: [["https://v:8200/v1/a/b/c/keys/k"]],
  },
  {
    name: "all key types of a group, in the order of SOPS",
    text: rule(
      [
        "key_groups:",
        "  - hc_vault:",
        `      - ${vault}`,
        "    azure_keyvault:",
        "      - {vaultUrl: 'https://127.0.0.1:1', key: k, version: v}",
        "    hckms: [{key_id: 'eu:1'}]",
        `    gcp_kms: [{resource_id: ${gcp}}]`,
        "    kms:",
        `      - arn: ${arn}`,
        `        role: ${role}`,
        "        context: {b: 2, a: x}",
        "        aws_profile: prod",
        `      - arn: ${arn}`,
        `    pgp: [${subkey}, 0123456789012345678901234567890123456789]`,
        `    age: [' ${ada},${ben}']`,
      ].join("\n"),
    ),
    groups: [
      [
        ada,
        ben,
        subkey,
        "0123456789012345678901234567890123456789",
        `${arn}+${role}|a:x,b:2|prod`,
        arn,
        gcp,
        "eu:1",
        azure,
        vault,
      ],
    ],
  },
  {
    name: "key_groups win over the keys of the rule",
    text: rule(`age: ${eve}\nkey_groups:\n  - age: [${ada}]`),
    groups: [[ada]],
  },
  {
    name: "empty key_groups leave the keys of the rule",
    text: rule(`age: ${ada}\nkey_groups: []`),
    groups: [[ada]],
  },
  {
    name: "merged groups come first, at every depth, each key once",
    text: rule(
      `key_groups:\n  - age: [${ada}]\n    merge:\n      - age: [${ben}]\n        merge:\n          - pgp: [${fingerprint}]\n      - age: [${ada}]`,
    ),
    groups: [[fingerprint, ben, ada]],
  },
  {
    name: "anchors below an x- field, which itself may hold anything",
    text: `x-team: &team\n  - ${ben}\nx-other: {any: thing}\ncreation_rules:\n  - age: *team\n`,
    groups: [[ben]],
  },
  {
    name: "merge keys: the rule's own field wins, then the first mapping",
    text: `x-a: &a {age: ${ada}, mac_only_encrypted: true}\nx-b: &b {age: ${ben}, encrypted_regex: ^b$}\ncreation_rules:\n  - <<: [*a, *b]\n    encrypted_regex: ^a$\n`,
    groups: [[ada]],
    selection: "encrypted_regex: ^a$",
  },
  {
    name: "a merge key behind a merge key",
    text: `x-a: &a {age: ${ada}}\nx-b: &b {<<: *a, encrypted_suffix: _b}\ncreation_rules:\n  - <<: *b\n`,
    groups: [[ada]],
    selection: "encrypted_suffix: _b",
  },
  {
    name: "an anchor that is set again stands for the newer node",
    text: `x-1: &x ${ada}\nx-2: &x ${ben}\ncreation_rules:\n  - age: *x\n`,
    groups: [[ben]],
  },
  {
    name: "no selection",
    text: rule(`age: ${ada}`),
    groups: [[ada]],
    selection: "unencrypted_suffix: _unencrypted",
  },
  ...["unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex"].map((field) => ({
    name: field,
    text: rule(`age: ${ada}\n${field}: _x`),
    groups: [[ada]],
    selection: `${field}: _x`,
  })),
  ...["unencrypted_comment_regex", "encrypted_comment_regex"].map((field) => ({
    name: field,
    text: rule(`age: ${ada}\n${field}: 'x$'`),
    groups: [[ada]],
    selection: `${field}: x$`,
  })),
  {
    name: "an empty selection is none",
    text: rule(`age: ${ada}\nencrypted_regex: ''\nunencrypted_suffix:\nencrypted_suffix: _x`),
    groups: [[ada]],
    selection: "encrypted_suffix: _x",
    schemaRefuses: true,
  },
  {
    name: "a number as a pattern",
    text: rule(`age: ${ada}\nencrypted_regex: 5`),
    groups: [[ada]],
    selection: 'encrypted_regex: "5"',
  },
  { name: "mac_only_encrypted", text: rule(`age: ${ada}\nmac_only_encrypted: true`), groups: [[ada]] },
  {
    name: "mac_only_encrypted in an old word",
    text: rule(`age: ${ada}\nmac_only_encrypted: yes`),
    groups: [[ada]],
  },
  {
    name: "groups with a threshold",
    text: rule(`shamir_threshold: 2\nkey_groups:\n  - age: [${ada}]\n  - age: [${ben}]\n  - age: [${eve}]`),
    groups: [[ada], [ben], [eve]],
  },
  { name: "a threshold beside one group", text: rule(`shamir_threshold: 1\nage: ${ada}`), groups: [[ada]] },
  {
    name: "destination rules and stores",
    text: [
      "destination_rules:",
      "  - path_regex: ^s3/",
      "    s3_bucket: bucket",
      "    s3_prefix: 2024",
      "    omit_extensions: true",
      "    recreation_rule:",
      `      age: ${ada}`,
      "      encrypted_regex: ^a",
      "  - gcs_bucket: bucket",
      "    gcs_prefix: x",
      "  - vault_path: a/b",
      "    vault_address: http://127.0.0.1:1",
      "    vault_kv_mount_name: secret/",
      "    vault_kv_version: 1",
      "stores:",
      "  yaml: {indent: 2}",
      "  json: {indent: -1}",
      "  json_binary: {indent: 0}",
      "  dotenv: {}",
      "  ini:",
      rule(`age: ${ada}`),
    ].join("\n"),
    groups: [[ada]],
  },
  { name: "an empty kseal section", text: `kseal: {}\n${rule(`age: ${ada}`)}`, groups: [[ada]] },
  { name: "a kseal section of null", text: `kseal:\n${rule(`age: ${ada}`)}`, groups: [[ada]] },
  {
    name: "names of keys, of which sops takes no notice",
    text: [
      "kseal:",
      "  keys:",
      `    - {name: Ada's laptop, key: ${ada}}`,
      "    - name: CI",
      `      key: [${arn}+${role}, '${gcp}']`,
      `    - {name: Recovery, key: ${fingerprint}}`,
      rule(`age: ${ada}`),
    ].join("\n"),
    groups: [[ada]],
  },
  {
    name: "CRLF line ends",
    text: rule(`age: ${ada}\nencrypted_regex: ^a$`).replaceAll("\n", "\r\n"),
    groups: [[ada]],
    selection: "encrypted_regex: ^a$",
  },
  { name: "a byte order mark", text: `\u{FEFF}${rule(`age: ${ada}`)}`, groups: [[ada]] },
  {
    name: "JSON",
    text: JSON.stringify({ creation_rules: [{ age: ada, encrypted_regex: "^a$" }] }),
    groups: [[ada]],
    selection: "encrypted_regex: ^a$",
  },
  { name: "a document start", text: `---\n${rule(`age: ${ada}`)}...\n`, groups: [[ada]] },
  { name: "YAML's old version", text: `%YAML 1.1\n---\n${rule(`age: ${ada}`)}`, groups: [[ada]] },
  { name: "a rule without keys", text: rule("path_regex: a"), groups: [] },
  { name: "an empty group", text: rule("key_groups: [{}]"), groups: [[]] },
];

export interface BadConfig {
  readonly name: string;
  readonly text: string;
  /** The whole message, with the file `.sops.yaml`. */
  readonly problems: readonly string[];
  /** The schema cannot see it. */
  readonly schemaAllows?: boolean;
}

export const badConfigs: readonly BadConfig[] = [
  {
    name: "D6: a misspelt field of the file",
    text: "creation_rule: []\n",
    problems: ['1:1: unknown field "creation_rule" in the configuration: did you mean "creation_rules"?'],
  },
  {
    name: "D6: a field of the file in another spelling",
    text: "creationRules: []\n",
    problems: ['1:1: unknown field "creationRules" in the configuration: did you mean "creation_rules"?'],
  },
  {
    name: "D6: an unknown field of the file",
    text: "rules: []\n",
    problems: [
      '1:1: unknown field "rules" in the configuration: known are creation_rules, destination_rules, stores, kseal',
    ],
  },
  {
    name: "D6: a misspelt field of a rule",
    text: `creation_rules:\n  - path_regex: a\n    encryped_regex: ^data$\n    age: ${ada}\n`,
    problems: ['3:5: unknown field "encryped_regex" in a creation rule: did you mean "encrypted_regex"?'],
  },
  {
    name: "D6: swapped letters",
    text: `creation_rules:\n  - pahtregex: a\n`,
    problems: ['2:5: unknown field "pahtregex" in a creation rule: did you mean "path_regex"?'],
  },
  {
    name: "a rule's field one level too high",
    text: `path_regex: a\nage: ${ada}\n`,
    problems: [
      '1:1: unknown field "path_regex" in the configuration: it belongs to an item of creation_rules',
      '2:1: unknown field "age" in the configuration: it belongs to an item of creation_rules',
    ],
  },
  {
    name: "a field of the kseal section that is none",
    text: "kseal:\n  people: {}\n",
    problems: ['2:3: unknown field "people" in kseal: known are keys, clusters, sealing'],
  },
  {
    name: "names of keys that are no list, and items that are no names",
    text: [
      "kseal:",
      "  keys:",
      "    - Alice",
      `    - {name: A, keys: ${ada}}`,
      "    - {name: A, key: {}}",
      "    - {key: age1x}",
      "    - {name: [A], key: age1x}",
      "    - {name: B, key: []}",
    ].join("\n"),
    problems: [
      "3:7: an item of keys must be a mapping: write - name: Alice laptop, with key: age1... below it",
      "4:7: a named key needs a name and a key",
      '4:17: unknown field "keys" in a named key: did you mean "key"?',
      "5:7: a named key needs a name and a key",
      "5:22: key must be a key or a list of keys, not a mapping",
      "6:7: a named key needs a name and a key",
      "7:7: a named key needs a name and a key",
      "7:14: name must be text, not a list",
      "8:7: a named key needs a name and a key",
    ],
  },
  {
    name: "names of keys as a mapping",
    text: `kseal:\n  keys:\n    Alice: ${ada}\n`,
    problems: [
      "3:5: keys must be a list: write - name: Alice laptop, with key: age1... below it, not a mapping",
    ],
  },
  {
    name: "names that are there twice, keys with two names, names that would not be seen, keys that are none",
    text: [
      "kseal:",
      "  keys:",
      `    - {name: Alice, key: ${ada}}`,
      `    - {name: Alice, key: ${ben}}`,
      `    - {name: Ben, key: [${eve}, ${ben}]}`,
      `    - {name: Recovery, key: ${fingerprint}}`,
      `    - {name: Safe, key: ${fingerprint.toLowerCase()}!}`,
      '    - {name: " ", key: age1a}',
      '    - {name: "a\\nb", key: age1b}',
      `    - {name: ${"n".repeat(61)}, key: age1c}`,
      "    - {name: C, key: [arn:aws:kms:x, ftp://x, FFFF, hello]}",
    ].join("\n"),
    problems: [
      '4:14: the name "Alice" is there twice; give both keys as a list',
      '5:89: this key has the name "Alice" already',
      '7:25: this key has the name "Recovery" already',
      "8:14: a name has 1 to 60 visible characters, on one line",
      "9:14: a name has 1 to 60 visible characters, on one line",
      "10:14: a name has 1 to 60 visible characters, on one line",
      "11:23: key: must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
      "11:38: key: must be a key as rules name it: age1..., arn:aws:kms:..., projects/..., https://..., or a PGP fingerprint",
      "11:47: key: must be 40 hexadecimal digits, and a ! behind them for a subkey",
      "11:53: key: must be a key as rules name it: age1..., arn:aws:kms:..., projects/..., https://..., or a PGP fingerprint",
    ],
    schemaAllows: true,
  },
  {
    name: "D6: unknown fields at every level, all at once",
    text: [
      "creation_rules:",
      "  - key_groups:",
      "      - agee: []",
      `        kms: [{arn: ${arn}, rol: b}]`,
      `        gcp_kms: [{resource_id: ${gcp}, x: 1}]`,
      "        hckms: [{key_id: 'a:b', key: 1}]",
      "        azure_keyvault: [{vaultUrl: https://v, key: k, Version: 1}]",
      "        merge: [{agee: []}]",
      "destination_rules:",
      "  - s3bucket: b",
      "    recreation_rule: {ages: x}",
      "  - reencryption_rule: {}",
      "stores:",
      "  yml: {}",
      "  yaml: {indnt: 2}",
      "  ini: {indent: 2}",
    ].join("\n"),
    problems: [
      '3:9: unknown field "agee" in a key group: did you mean "age"?',
      '4:70: unknown field "rol" in a kms key: did you mean "role"?',
      '5:81: unknown field "x" in a gcp_kms key: known are resource_id',
      '6:33: unknown field "key" in an hckms key: known are key_id',
      '7:56: unknown field "Version" in an azure_keyvault key: did you mean "version"?',
      '8:18: unknown field "agee" in a key group: did you mean "age"?',
      '10:5: unknown field "s3bucket" in a destination rule: did you mean "s3_bucket"?',
      '11:23: unknown field "ages" in a creation rule: did you mean "age"?',
      '12:5: unknown field "reencryption_rule" in a destination rule: did you mean "recreation_rule"?',
      '14:3: unknown field "yml" in stores: did you mean "yaml"?',
      '15:10: unknown field "indnt" in stores.yaml: did you mean "indent"?',
      '16:9: unknown field "indent" in stores.ini, which has no fields',
    ],
  },
  {
    name: "wrong types, all at once",
    text: [
      "creation_rules:",
      "  - path_regex: [a]",
      "    age: {}",
      "    kms: 5",
      "    pgp: [1234, 0123456789abcdef]",
      "    key_groups: {age: x}",
      "    shamir_threshold: '2'",
      "    mac_only_encrypted: 'true'",
      "  - shamir_threshold: 2.5",
      "    mac_only_encrypted: maybe",
      "    encrypted_regex: {}",
      "  - text",
      "  -",
      "stores: {yaml: 2, json: {indent: -2}}",
      "destination_rules: {vault_kv_version: 3}",
    ].join("\n"),
    problems: [
      "2:17: path_regex must be text, not a list",
      "3:10: age must be text or a list of texts, not a mapping",
      "4:10: kms must be text: put it in quotes",
      "5:11: an item of pgp must be text: put it in quotes",
      "6:17: key_groups must be a list: write each group behind a dash, not a mapping",
      "7:23: shamir_threshold must be a whole number from 0 to 255, without quotes",
      "8:25: mac_only_encrypted must be true or false, without quotes",
      "9:23: shamir_threshold must be a whole number from 0 to 255",
      "10:25: mac_only_encrypted must be true or false",
      "11:22: encrypted_regex must be text, not a mapping",
      "12:5: an item of creation_rules must be a mapping",
      "13:4: an item of creation_rules is empty",
      "14:16: yaml must be a mapping: write indent: 2 below it",
      "14:34: indent must be a whole number from -1 to 100",
      "15:20: destination_rules must be a list: write each rule behind a dash, not a mapping",
    ],
  },
  {
    name: "a list at the top",
    text: "- a\n",
    problems: ["1:1: the configuration must be a mapping, not a list"],
  },
  {
    name: "a duplicate field",
    text: `creation_rules:\n  - age: ${ada}\n    age: ${ben}\n`,
    problems: ['3:5: "age" is there twice'],
    schemaAllows: true,
  },
  {
    name: "D5: a pattern that RE2 refuses, in a rule that no file reaches",
    text: `creation_rules:\n  - age: ${ada}\n  - path_regex: (?!a)b\n    age: ${ada}\n    encrypted_regex: "("\n`,
    problems: [
      '3:17: path_regex: the pattern "(?!a)b" is no valid regular expression (patterns have RE2 syntax: no look-around, no back-references, every parenthesis closed)',
      '5:22: encrypted_regex: the pattern "(" is no valid regular expression (patterns have RE2 syntax: no look-around, no back-references, every parenthesis closed)',
    ],
    schemaAllows: true,
  },
  {
    name: "D5: a pattern of a destination rule that RE2 refuses",
    text: "destination_rules:\n  - path_regex: '*'\n    s3_bucket: b\n",
    problems: [
      '2:17: path_regex: the pattern "*" is no valid regular expression (patterns have RE2 syntax: no look-around, no back-references, every parenthesis closed)',
    ],
    schemaAllows: true,
  },
  {
    name: "more than one selection",
    text: `creation_rules:\n  - age: ${ada}\n    encrypted_regex: a\n    unencrypted_suffix: b\n    encrypted_comment_regex: c\n`,
    problems: [
      "4:25: unencrypted_suffix beside encrypted_regex: a rule selects in one way only",
      "5:30: encrypted_comment_regex beside encrypted_regex: a rule selects in one way only",
    ],
  },
  {
    name: "D47: hckms as a text, as the documentation of sops shows it",
    text: "creation_rules:\n  - hckms: eu:1,eu:2\n",
    problems: ["2:12: hckms must be a list: write each key behind a dash"],
  },
  {
    name: "D47: texts in a key group, as the documentation of sops shows them",
    text: [
      "creation_rules:",
      "  - key_groups:",
      "      - kms: [arn:aws:kms:x]",
      "        gcp_kms:",
      "          - projects/p",
      "        hckms: [eu:1]",
      "        azure_keyvault:",
      "          - https://v/keys/k/v",
      `        age: ${ada}`,
      "        hc_vault: https://v/v1/transit/keys/k",
    ].join("\n"),
    problems: [
      "3:15: an item of kms must be a mapping: write - arn: arn:aws:kms:..., with role, context and aws_profile beside it",
      "5:13: an item of gcp_kms must be a mapping: write - resource_id: projects/...",
      "6:17: an item of hckms must be a mapping: write - key_id: region:key-uuid",
      "8:13: an item of azure_keyvault must be a mapping: write - vaultUrl: https://..., with key and version beside it",
      "9:14: age must be a list: write each key behind a dash",
      "10:19: hc_vault must be a list: write each key behind a dash",
    ],
  },
  {
    name: "D47: fields in the wrong place, as the documentation of sops shows them",
    text: [
      "creation_rules:",
      "  - key_groups:",
      "      - aws_profile: prod",
      "        hc_vault_transit_uri: https://v/v1/transit/keys/k",
      "        hc_vault_uris: []",
      "  - hc_vault_uris: https://v/v1/transit/keys/k",
      "    hc_vault: []",
      "    azure_kv: x",
    ].join("\n"),
    problems: [
      '3:9: unknown field "aws_profile" in a key group: in a key group it stands beside the arn of each kms key',
      '4:9: unknown field "hc_vault_transit_uri" in a key group: in a key group it is hc_vault, a list of URIs',
      '5:9: unknown field "hc_vault_uris" in a key group: in a key group it is hc_vault, a list of URIs',
      '6:5: unknown field "hc_vault_uris" in a creation rule: in a rule it is hc_vault_transit_uri, in a key group hc_vault',
      '7:5: unknown field "hc_vault" in a creation rule: in a rule it is hc_vault_transit_uri; hc_vault belongs to a key group',
      '8:5: unknown field "azure_kv" in a creation rule: in a configuration it is azure_keyvault',
    ],
  },
  {
    name: "keys that are misspelt",
    text: [
      "creation_rules:",
      "  - pgp: [alice@example.com, FBC7B9E2, '0xFBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4', --output=x]",
      "    kms: [arn:aws:kms:x, 'arn:aws:kms:eu.evil.net/:1:key/a', 'arn:aws:kms:eu:1:alias/a+arn:aws:iam::1:user/a']",
      "    gcp_kms: [projects/p, projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1]",
      "    hc_vault_transit_uri: https://v/v1/../transit/keys/k",
      "  - key_groups:",
      "      - kms: [{arn: a}, {arn: 'arn:aws-cn:kms:cn-north-1:1:key/a', role: admin}]",
      "        gcp_kms: [{resource_id: k}]",
      "        azure_keyvault: [{vaultUrl: v, key: k}]",
      "        pgp: [-r]",
    ].join("\n"),
    problems: [
      "2:11: pgp: must be 40 hexadecimal digits, and a ! behind them for a subkey",
      "2:30: pgp: must be 40 hexadecimal digits, and a ! behind them for a subkey",
      "2:40: pgp: must be 40 hexadecimal digits, and a ! behind them for a subkey",
      "2:86: pgp: must be 40 hexadecimal digits, and a ! behind them for a subkey",
      "3:11: kms: must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
      "3:26: kms: must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
      "3:62: kms: the role must look like arn:aws:iam::111122223333:role/name",
      "4:15: gcp_kms: must look like projects/name/locations/europe/keyRings/ring/cryptoKeys/key",
      "4:27: gcp_kms: must look like projects/name/locations/europe/keyRings/ring/cryptoKeys/key",
      "5:27: hc_vault_transit_uri: must look like https://vault.example.com:8200/v1/transit/keys/name, with nothing before /v1",
      "7:15: an item of kms: must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
      "7:25: an item of kms: the role must look like arn:aws:iam::111122223333:role/name",
      "8:19: an item of gcp_kms: must look like projects/name/locations/europe/keyRings/ring/cryptoKeys/key",
      "9:26: an item of azure_keyvault: vaultUrl, key and version must make https://vaultUrl/keys/key/version",
      "10:15: pgp: must be 40 hexadecimal digits, and a ! behind them for a subkey",
    ],
    schemaAllows: true,
  },
  {
    name: "keys that name nothing",
    text: [
      "creation_rules:",
      "  - azure_keyvault: https://v/secrets/k",
      "    hc_vault_transit_uri: [https://proxy/vault/v1/transit/keys/k, v/v1/transit/keys/k]",
      "    hckms: [nowhere]",
      "  - key_groups:",
      "      - kms: [{role: r}]",
      "        gcp_kms: [{}]",
      "        azure_keyvault: [{key: k}]",
      "        hckms: [{key_id: ':'}]",
      "        pgp: ['A,B', '']",
      "        hc_vault: [https://v/v1/k]",
    ].join("\n"),
    problems: [
      "2:21: azure_keyvault: must look like https://vault.example.net/keys/name/version",
      "3:28: hc_vault_transit_uri: must look like https://vault.example.com:8200/v1/transit/keys/name, with nothing before /v1",
      "3:67: hc_vault_transit_uri: must look like https://vault.example.com:8200/v1/transit/keys/name, with nothing before /v1",
      "4:13: hckms: must look like region:key-uuid",
      "6:15: an item of kms: a kms key needs an arn",
      "7:19: an item of gcp_kms: a gcp_kms key needs a resource_id",
      "8:26: an item of azure_keyvault: an azure_keyvault key needs a vaultUrl and a key",
      "9:17: an item of hckms: must look like region:key-uuid",
      "10:15: pgp: in a key group every key is an item of its own",
      "10:22: pgp: an item is empty",
      "11:20: hc_vault: must look like https://vault.example.com:8200/v1/transit/keys/name, with nothing before /v1",
    ],
  },
  {
    name: "a context that is no text",
    text: `creation_rules:\n  - key_groups:\n      - kms: [{arn: ${arn}, context: {b: [c], d: }}]\n`,
    problems: ['3:80: "b" of context must be text', '3:88: "d" of context must be text'],
  },
  {
    name: "a threshold that cannot be met, and one that protects nothing",
    text: [
      "creation_rules:",
      `  - key_groups: [{age: [${ada}]}, {age: [${ada}]}]`,
      "    shamir_threshold: 3",
      `  - key_groups: [{age: [${ada}]}, {age: [${ada}]}]`,
      "    shamir_threshold: 1",
    ].join("\n"),
    problems: [
      "3:23: shamir_threshold is 3, but there are only 2 key groups",
      "5:23: shamir_threshold must be at least 2; without it all groups are needed",
    ],
    schemaAllows: true,
  },
  {
    name: "two destinations",
    text: "destination_rules:\n  - {s3_bucket: a, vault_path: b}\n",
    problems: ["2:32: vault_path beside s3_bucket: a rule has one destination only"],
  },
  {
    name: "a second document",
    text: "creation_rules: []\n---\ncreation_rules: []\n",
    problems: ["2:1: a second document; sops would ignore everything from here on"],
    schemaAllows: true,
  },
  {
    name: "an alias without an anchor",
    text: "creation_rules:\n  - age: *team\n",
    problems: ["2:10: there is no anchor &team before this alias"],
    schemaAllows: true,
  },
  {
    name: "a merge key that names no mapping",
    text: `creation_rules:\n  - <<: ${ada}\n`,
    problems: ["2:9: << must name a mapping or a list of mappings"],
    schemaAllows: true,
  },
  {
    name: "a field whose name is a list",
    text: "[a]: b\n",
    problems: ["1:1: a field's name must be text"],
    schemaAllows: true,
  },
  {
    name: "prototype keys are unknown fields like any other",
    text: "__proto__: {}\nconstructor: {}\nstores: {__proto__: {yaml: {indent: 2}}, toString: 1}\n",
    problems: [
      '1:1: unknown field "__proto__" in the configuration: known are creation_rules, destination_rules, stores, kseal',
      '2:1: unknown field "constructor" in the configuration: known are creation_rules, destination_rules, stores, kseal',
      '3:10: unknown field "__proto__" in stores: known are json, json_binary, yaml, dotenv, ini',
      '3:42: unknown field "toString" in stores: known are json, json_binary, yaml, dotenv, ini',
    ],
    schemaAllows: true,
  },
  {
    name: "one mistake behind an anchor is told once",
    text: "x-a: &a\n  agee: x\ncreation_rules:\n  - <<: *a\n  - <<: *a\n",
    problems: ['2:3: unknown field "agee" in a creation rule: did you mean "age"?'],
  },
];
