# For a tap of Homebrew. scripts/release-files.ts fills it in.
class Kseal < Formula
  desc "Keeps Kubernetes secrets in Git, encrypted"
  homepage "https://github.com/{{repository}}"
  version "{{version}}"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "{{uri darwin-arm64}}"
      sha256 "{{sha256 darwin-arm64}}"
    end
    on_intel do
      url "{{uri darwin-amd64}}"
      sha256 "{{sha256 darwin-amd64}}"
    end
  end

  on_linux do
    on_arm do
      url "{{uri linux-arm64}}"
      sha256 "{{sha256 linux-arm64}}"
    end
    on_intel do
      url "{{uri linux-amd64}}"
      sha256 "{{sha256 linux-amd64}}"
    end
  end

  def install
    bin.install "kseal"
    bin.install_symlink "kseal" => "kubectl-kseal"
    bin.install "kubectl_complete-kseal"
    man1.install Dir["man/*.1"]
    generate_completions_from_executable(bin/"kseal", "completion")
  end

  test do
    assert_match "kseal #{version}", shell_output("#{bin}/kseal --version")
    system bin/"kseal", "keygen", "--out", "key.txt"
    assert_path_exists testpath/"key.txt"
  end
end
