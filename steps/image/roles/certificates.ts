import { file, type ImageSecurity } from "../manifest/contribution.ts";
import type { TextFile } from "../manifest/manifest.ts";

/** Where an agent that runs as `owner` has what it shows and what it trusts. */
export function certificateFiles(folder: string, owner: string, security: ImageSecurity | undefined): TextFile[] {
  if (!security) return [];
  const { ca, certificate, key } = security;
  return [
    file(pathsIn(folder).ca, ca),
    file(pathsIn(folder).certificate, certificate),
    file(pathsIn(folder).key, key, { mode: "0600", owner }),
  ];
}

export const pathsIn = (folder: string) => ({
  ca: `${folder}/ca.pem`,
  certificate: `${folder}/agent.pem`,
  key: `${folder}/agent-key.pem`,
});

/** As both agents spell it. */
export function certificateSettings(folder: string) {
  const { ca, certificate, key } = pathsIn(folder);
  return { ca_file: ca, cert_file: certificate, key_file: key };
}
