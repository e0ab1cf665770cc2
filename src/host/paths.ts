import { posix, win32 } from "node:path";
import type { Environment, Host } from "../core/ports.ts";

type Platform = Host["platform"];

/** The user's home folder as the environment has it. */
export function homeFolder(platform: Platform, env: Environment): string | undefined {
  return platform === "win32" ? windowsFolder(env, "UserProfile") : absolute(env["HOME"]);
}

/** The user's configuration folder, where SOPS looks for `sops/age/keys.txt` (sops.md 8). */
export function configFolder(platform: Platform, env: Environment, home: string): string {
  switch (platform) {
    case "win32":
      return windowsFolder(env, "AppData") ?? win32.join(home, "AppData", "Roaming");
    case "darwin":
      return absolute(env["XDG_CONFIG_HOME"]) ?? posix.join(home, "Library", "Application Support");
    case "linux":
      return absolute(env["XDG_CONFIG_HOME"]) ?? posix.join(home, ".config");
  }
}

/** Where kseal keeps what must outlast a crash of the machine: the journals of unfinished writes. */
export function stateFolder(platform: Platform, env: Environment, home: string): string {
  switch (platform) {
    case "win32":
      return win32.join(windowsFolder(env, "LocalAppData") ?? win32.join(home, "AppData", "Local"), "kseal");
    case "darwin":
      return posix.join(home, "Library", "Application Support", "kseal");
    case "linux":
      return posix.join(absolute(env["XDG_STATE_HOME"]) ?? posix.join(home, ".local", "state"), "kseal");
  }
}

/** A variable of Windows, where names have no case. */
export function windowsVariable(env: Environment, name: string): string | undefined {
  const exact = env[name];
  if (exact !== undefined) {
    return exact;
  }
  const found = Object.entries(env).find(
    ([key, value]) => value !== undefined && key.toLowerCase() === name.toLowerCase(),
  );
  return found?.[1];
}

function windowsFolder(env: Environment, name: string): string | undefined {
  const value = windowsVariable(env, name);
  return value !== undefined && win32.isAbsolute(value) ? value : undefined;
}

// The XDG specification says to ignore relative paths; they would follow the working folder.
function absolute(value: string | undefined): string | undefined {
  return value?.startsWith("/") ? value : undefined;
}
