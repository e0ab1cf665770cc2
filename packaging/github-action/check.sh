#!/usr/bin/env bash
# Checks the repository: the findings in the log, at their lines, and as SARIF. For ../../action.yml.
set -euo pipefail

echo "sarif=$KSEAL_SARIF" >> "$GITHUB_OUTPUT"
args=(-o text -o github -o "sarif=$KSEAL_SARIF")
if [ -n "$KSEAL_SINCE" ]; then args+=("--since=$KSEAL_SINCE"); fi
if [ -n "$KSEAL_BASELINE" ]; then args+=("--baseline=$KSEAL_BASELINE"); fi
args+=(--)
while IFS= read -r path; do
  if [ -n "$path" ]; then args+=("$path"); fi
done <<< "$KSEAL_PATHS"
kseal check "${args[@]}"
