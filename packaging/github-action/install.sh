#!/usr/bin/env bash
# Installs one release of kseal for the steps that follow, after its checksum was compared. For ../../action.yml.
set -euo pipefail

fail() {
  echo "::error title=kseal::$1"
  exit 1
}

[[ "$KSEAL_VERSION" =~ ^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$ ]] || fail "no version of kseal: $KSEAL_VERSION"
[[ "$KSEAL_REPOSITORY" =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || fail "no OWNER/REPOSITORY: $KSEAL_REPOSITORY"
case "$RUNNER_OS-$RUNNER_ARCH" in
  Linux-X64) archive=linux-amd64.tar.gz ;;
  Linux-ARM64) archive=linux-arm64.tar.gz ;;
  macOS-X64) archive=darwin-amd64.tar.gz ;;
  macOS-ARM64) archive=darwin-arm64.tar.gz ;;
  Windows-X64) archive=windows-amd64.zip ;;
  *) fail "there is no executable of kseal for $RUNNER_OS on $RUNNER_ARCH" ;;
esac
archive="kseal-$KSEAL_VERSION-$archive"
release="$GITHUB_SERVER_URL/$KSEAL_REPOSITORY/releases/download/v$KSEAL_VERSION"
folder="$RUNNER_TEMP/kseal-$KSEAL_VERSION"
rm -rf "$folder"
mkdir -p "$folder/bin"
cd "$folder"

fetch() {
  curl --fail --silent --show-error --location --retry 3 --output "$1" "$release/$1" || fail "cannot fetch $release/$1"
}
fetch "$archive"
wanted="$KSEAL_SHA256"
if [ -z "$wanted" ]; then
  fetch checksums.txt
  wanted="$(awk -v name="$archive" '$2 == name { print $1 }' checksums.txt)"
fi
if command -v sha256sum >/dev/null; then
  found="$(sha256sum "$archive")"
else
  found="$(shasum -a 256 "$archive")"
fi
# A backslash stands in front where the name was escaped.
found="${found#\\}"
if [ "${found%% *}" != "$wanted" ]; then
  rm -f "$archive"
  fail "$archive has the checksum ${found%% *}, and ${wanted:-none} was expected: it is not installed"
fi

case "$archive" in
  *.zip) unzip -q "$archive" -d bin ;;
  *) tar -xzf "$archive" -C bin ;;
esac
rm -f "$archive"
bin/kseal --version
if [ "$RUNNER_OS" = Windows ]; then cygpath -w "$folder/bin"; else echo "$folder/bin"; fi >> "$GITHUB_PATH"
