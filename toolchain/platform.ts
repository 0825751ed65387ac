import { hostArchitecture } from "../lib/architecture.ts";
import { UserError } from "../lib/errors.ts";
import type { Platform } from "./versions.ts";

/** This machine's platform. @throws UserError if the tools don't exist for it */
export function hostPlatform(): Platform {
  const { platform: os, arch } = process;
  const architecture = hostArchitecture();
  if ((os !== "linux" && os !== "darwin") || !architecture) {
    throw new UserError(`piinit runs on Linux and macOS, on amd64 and arm64; this is ${os} on ${arch}`);
  }
  return { os, architecture };
}
