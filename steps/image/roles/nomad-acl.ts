import { type Contribution, combine, file, type ImageSecurity, script, unit } from "../manifest/contribution.ts";
import { pathsIn } from "./certificates.ts";

export const nomadTls = "/etc/nomad.d/tls";

const secretFile = "/etc/piinit/nomad-management";

/**
 * Makes the image's management token valid: in a new cluster, before anybody else on the network can make one, and in a cluster
 * that knows another one. Nomad has no setting for that.
 */
export const nomadAcl = ({ tokens }: ImageSecurity): Contribution =>
  combine(
    {
      files: [file(secretFile, tokens.nomadManagement, { mode: "0600" }), script("/usr/lib/piinit/nomad-acl", program)],
    },
    unit("nomad-acl.service", service, "multi-user.target"),
  );

// A token that nobody knows counts as known to nobody only where there is a leader. The leader alone reads the file, so every
// server writes it.
const program = `#!/bin/sh
set -eu
export NOMAD_ADDR=https://127.0.0.1:4646 NOMAD_CACERT=${pathsIn(nomadTls).ca}
secret=${secretFile} reset=/data/nomad/server/acl-bootstrap-reset
tries=0
while ! said=$(NOMAD_TOKEN=$(cat $secret) nomad acl token self 2>&1); do
  case $said in
  *"ACL token not found"* | *"Permission denied"*)
    said=$(nomad acl bootstrap $secret 2>&1) ||
      case $said in
      *"reset index: "*) echo "$said" | sed -n "s/.*reset index: \\([0-9]*\\)).*/\\1/p" >$reset ;;
      esac
    ;;
  esac
  [ $((tries % 15)) != 0 ] || echo "$said" | head -n 1
  tries=$((tries + 1))
  sleep 1
done
rm -f $reset
`;

const service = `[Unit]
Description=Make the stack's token the one that manages Nomad
Wants=nomad.service
After=nomad.service

[Service]
Type=exec
ExecStart=/usr/lib/piinit/nomad-acl
Restart=on-failure
RestartSec=5
`;
