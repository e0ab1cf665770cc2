/** A script that completes the words of `sops`, for `source <(sops completion bash)`. */
export function completionScript(shell: "bash" | "zsh"): string {
  return shell === "bash" ? bash : zsh;
}

// The program itself says what may follow; file names are the shell's own business.
const bash = `# completions of sops for bash
_sops_words() {
  local words
  words=$("\${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _sops_words sops
`;

const zsh = `#compdef sops
_sops_words() {
  local -a found
  found=("\${(@f)$("\${words[@]:0:$((CURRENT - 1))}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    compadd -a found
  else
    _files
  fi
}
compdef _sops_words sops
`;
