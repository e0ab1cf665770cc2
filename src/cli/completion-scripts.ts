/** What can ask kseal for completions. */
export type CompletingProgram = "bash" | "zsh" | "fish" | "powershell" | "kubectl";

/**
 * The script that a shell reads to complete the words of kseal, or the program that `kubectl` looks for. All of them
 * ask `kseal __complete`, so a new version of kseal needs no new script.
 */
export function completionScript(shell: CompletingProgram): string {
  return scripts[shell];
}

// Bash 3.2 of macOS reads it, too. It takes words apart at = and :, and replaces only what is behind the last of them.
const bash = `# completions of kseal for bash: source <(kseal completion bash)
_kseal() {
  local words=() word glue='' line directive='' current part
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ -n $glue || ( ( $word == = || $word == : ) && \${#words[@]} -gt 0 ) ]]; then
      glue=''
      words[\${#words[@]}-1]+=$word
      if [[ $word == = || $word == : ]]; then glue=yes; fi
    else
      words+=("$word")
    fi
  done
  current=\${words[\${#words[@]}-1]}
  part=\${COMP_WORDS[COMP_CWORD]}
  if [[ $part == = || $part == : ]]; then part=''; fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :* ]]; then
      directive=\${line#:}
    else
      line=\${line%%$'\\t'*}
      if [[ $current == --*=* ]]; then line="\${current%%=*}=$line"; fi
      line=\${line#"\${current%"$part"}"}
      COMPREPLY+=("$(printf '%q' "$line")")
    fi
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" 2>/dev/null)
  if [[ $directive == 4 ]]; then
    compopt +o default 2>/dev/null
  elif [[ $directive == 16 ]]; then
    compopt +o default -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$part")
  fi
}
complete -o default -F _kseal kseal
`;

const zsh = `#compdef kseal
# completions of kseal for zsh: source <(kseal completion zsh), or in a file _kseal on the fpath
_kseal() {
  local -a lines found
  local line directive
  lines=("\${(@f)$("\${(Q)words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  directive=\${lines[-1]#:}
  for line in "\${(@)lines[1,-2]}"; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if [[ \${words[CURRENT]} == --*=* ]]; then compset -P '--*='; fi
  if (( \${#found} )); then
    _describe -V 'kseal' found
  elif [[ $directive == 0 ]]; then
    _files
  elif [[ $directive == 16 ]]; then
    _files -/
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _kseal "$@"
else
  compdef _kseal kseal
fi
`;

const fish = `# completions of kseal for fish: kseal completion fish | source
function __kseal_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    set -l directive $lines[-1]
    set -e lines[-1]
    set -l prefix (string match -r -- '^--[^=]*=' "$current")
    for line in $lines
        echo -- "$prefix$line"
    end
    if test "$directive" = ':0'
        __fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current")
    else if test "$directive" = ':16'
        __fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$current")
    end
end
complete -c kseal -f -a '(__kseal_complete)'
`;

const powershell = `# completions of kseal for PowerShell: kseal completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName kseal -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or $_.Extent.StartOffset -eq 0 } |
        ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
    $program = $words[0]
    $before = @($words | Select-Object -Skip 1)
    $current = $wordToComplete
    if ($current -eq '' -and $PSNativeCommandArgumentPassing -notin @('Standard', 'Windows')) { $current = '""' }
    $lines = @(& $program __complete @before $current 2>$null)
    $prefix = if ($wordToComplete -match '^(--[^=]*=)') { $Matches[1] } else { '' }
    $lines | Where-Object { $_ -notmatch '^:\\d+$' } | ForEach-Object {
        $value, $about = $_ -split "\`t", 2
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new("$prefix$value", $value, 'ParameterValue', $about)
    }
}
`;

const kubectl = `#!/bin/sh
# kubectl asks this program what may follow "kubectl kseal": it has to be called kubectl_complete-kseal, and be on PATH.
exec kseal __complete "$@"
`;

const scripts: Readonly<Record<CompletingProgram, string>> = { bash, zsh, fish, powershell, kubectl };
