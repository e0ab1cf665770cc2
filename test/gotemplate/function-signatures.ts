/** What a function takes and returns, in words that the arbitrary of templates has values for. */
export interface Signature {
  readonly name: string;
  readonly parameters: readonly Kind[];
  /** The last parameter may come any number of times. */
  readonly repeats: boolean;
  readonly result: Kind;
}

/** Kinds of values: Go's types, and the texts that mean something. */
export type Kind =
  | "any"
  | "bool"
  | "dict"
  | "float"
  | "int"
  | "list"
  | "number"
  | "object"
  | "string"
  | "strings"
  | "time"
  | TextKind;

/** Texts of a form of their own. */
type TextKind =
  | "base32"
  | "base64"
  | "character"
  | "constraint"
  | "count"
  | "date"
  | "duration"
  | "encrypted"
  | "format"
  | "json"
  | "key"
  | "kind"
  | "layout"
  | "path"
  | "regex"
  | "semver"
  | "shape"
  | "type"
  | "url"
  | "zone";

/** Go's own functions. */
const builtins = `
and any any... -> any
call any any... -> any
eq any any any... -> bool
ge number number -> bool
ge string string -> bool
gt number number -> bool
html any... -> string
index dict key -> any
index list int -> any
index string int -> int
js any... -> string
le number number -> bool
len any -> int
len string -> int
lt number number -> bool
lt string string -> bool
ne any any -> bool
not any -> bool
or any any... -> any
print any... -> string
printf format any... -> string
printf format any -> string
println any... -> string
urlquery any... -> string
`;

/** Sprig's, but for those that draw, ask the clock, or take long. */
const sprig = `
abbrev int string -> string
abbrevboth int int string -> string
add number... -> int
add1 number -> int
add1f number -> float
addf number... -> float
adler32sum string -> string
all any... -> bool
any any... -> bool
append list any -> list
atoi count -> int
b32dec base32 -> string
b32enc string -> string
b64dec base64 -> string
b64enc string -> string
base path -> string
biggest number number... -> int
camelcase string -> string
cat any... -> string
ceil number -> float
chunk int list -> any
clean path -> string
coalesce any... -> any
compact list -> list
concat list... -> list
contains string string -> bool
date layout time -> string
dateInZone layout time zone -> string
dateModify duration time -> time
date_in_zone layout time zone -> string
date_modify duration time -> time
decryptAES string encrypted -> string
deepCopy any -> any
deepEqual any any -> bool
default any any -> any
derivePassword int shape string string string -> string
dict key any key any -> dict
dict any... -> dict
dig key any dict -> any
dig key key any dict -> any
dir path -> string
div number number -> int
divf number number... -> float
duration number -> string
durationRound duration -> string
empty any -> bool
ext path -> string
fail string -> any
first list -> any
float64 any -> float
floor number -> float
fromJson json -> any
get dict key -> any
has any list -> bool
hasKey dict key -> bool
hasPrefix string string -> bool
hasSuffix string string -> bool
hello -> string
htmlDate time -> string
htmlDateInZone time zone -> string
indent int string -> string
initial list -> list
initials string -> string
int any -> int
int64 any -> int
isAbs path -> bool
join string list -> string
kebabcase string -> string
keys dict... -> strings
kindIs kind any -> bool
kindOf any -> string
last list -> any
list any... -> list
lower string -> string
max number number... -> int
maxf number number... -> float
merge dict dict... -> dict
mergeOverwrite dict dict... -> dict
min number number... -> int
minf number number... -> float
mod number number -> int
mul number number... -> int
mulf number number... -> float
mustAppend list any -> list
mustChunk int list -> any
mustCompact list -> list
mustDateModify duration time -> time
mustDeepCopy any -> any
mustFirst list -> any
mustFromJson json -> any
mustHas any list -> bool
mustInitial list -> list
mustLast list -> any
mustMerge dict dict... -> dict
mustMergeOverwrite dict dict... -> dict
mustPrepend list any -> list
mustPush list any -> list
mustRegexFind regex string -> string
mustRegexFindAll regex string int -> strings
mustRegexMatch regex string -> bool
mustRegexReplaceAll regex string string -> string
mustRegexReplaceAllLiteral regex string string -> string
mustRegexSplit regex string int -> strings
mustRest list -> list
mustReverse list -> list
mustSlice list int int -> list
mustToDate layout date -> time
mustToJson any -> string
mustToPrettyJson any -> string
mustToRawJson any -> string
mustUniq list -> list
mustWithout list any... -> list
must_date_modify duration time -> time
nindent int string -> string
nospace string -> string
omit dict key... -> dict
osBase path -> string
osClean path -> string
osDir path -> string
osExt path -> string
osIsAbs path -> bool
pick dict key... -> dict
pluck key dict... -> list
plural string string int -> string
prepend list any -> list
push list any -> list
quote any... -> string
regexFind regex string -> string
regexFindAll regex string int -> strings
regexMatch regex string -> bool
regexQuoteMeta string -> string
regexReplaceAll regex string string -> string
regexReplaceAllLiteral regex string string -> string
regexSplit regex string int -> strings
repeat int string -> string
replace string string string -> string
rest list -> list
reverse list -> list
round number int -> float
round number int float -> float
semver semver -> object
semverCompare constraint semver -> bool
seq int int int -> string
seq int... -> string
set dict key any -> dict
sha1sum string -> string
sha256sum string -> string
sha512sum string -> string
slice list int int -> list
slice list int... -> list
snakecase string -> string
sortAlpha list -> strings
split string string -> any
splitList string string -> strings
splitn string int string -> any
squote any... -> string
sub number number -> int
subf number number... -> float
substr int int string -> string
swapcase string -> string
ternary any any bool -> any
title string -> string
toDate layout date -> time
toDecimal any -> int
toJson any -> string
toPrettyJson any -> string
toRawJson any -> string
toString any -> string
toStrings list -> strings
trim string -> string
trimAll string string -> string
trimPrefix string string -> string
trimSuffix string string -> string
trimall string string -> string
trunc int string -> string
tuple any... -> list
typeIs type any -> bool
typeIsLike type any -> bool
typeOf any -> string
uniq list -> list
unixEpoch time -> string
unset dict key -> dict
until int -> any
untilStep int int int -> any
untitle string -> string
upper string -> string
urlJoin object -> string
urlParse url -> object
values dict -> list
without list any... -> list
wrap int string -> string
wrapWith int string string -> string
`;

/** Functions of chance and time: nothing that they return can be compared. Each has a case of its own in another test. */
export const undetermined: readonly string[] = [
  "ago",
  "bcrypt",
  "buildCustomCert",
  "encryptAES",
  "genCA",
  "genCAWithKey",
  "genPrivateKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "htpasswd",
  "now",
  "randAlpha",
  "randAlphaNum",
  "randAscii",
  "randBytes",
  "randInt",
  "randNumeric",
  "shuffle",
  "uuidv4",
];

/** Every way to call a function that gives the same each time. */
export const signatures: readonly Signature[] = [...builtins.split("\n"), ...sprig.split("\n")]
  .filter((line) => line !== "")
  .map((line) => {
    const [left = "", result = ""] = line.split("-> ");
    const [name = "", ...parameters] = left.trim().split(" ");
    return {
      name,
      parameters: parameters.map((parameter) => parameter.replace("...", "") as Kind),
      repeats: left.includes("..."),
      result: result as Kind,
    };
  });
