import { createHash } from "node:crypto";
import { encodeBase64, hashSync } from "bcryptjs";
import { stringify } from "yaml";
import { type Contribution, file, type ImageSecurity, prometheusUser } from "../manifest/contribution.ts";
import { certificateFiles, pathsIn } from "./certificates.ts";

export const prometheusTls = "/etc/prometheus/tls";

export const passwordFile = "/etc/prometheus/page-password";
export const webFile = "/etc/prometheus/web.yml";

/** Shows Prometheus by TLS, to who has the password. */
export function prometheusPage(security: ImageSecurity | undefined): Contribution {
  if (!security) return {};
  const password = security.tokens.prometheusPage;
  const own = { mode: "0600", owner: "prometheus" };
  return {
    files: [
      ...certificateFiles(prometheusTls, "prometheus", security),
      file(passwordFile, password, own),
      file(webFile, stringify(web(password)), own),
    ],
  };
}

function web(password: string): object {
  const { certificate, key } = pathsIn(prometheusTls);
  return {
    tls_server_config: { cert_file: certificate, key_file: key },
    basic_auth_users: { [prometheusUser]: hashSync(password, saltOf(password)) },
  };
}

/**
 * Of the password itself, so that the same settings make the same image. With the fewest rounds: nobody can try 122 random bits, and
 * a small board would be busy with more.
 */
function saltOf(password: string): string {
  const bytes = createHash("sha256").update(`salt of ${password}`).digest();
  return `$2b$04$${encodeBase64(bytes, 16)}`;
}
