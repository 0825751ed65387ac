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
      packages: ["curl"],
      files: [file(secretFile, tokens.nomadManagement, { mode: "0600" }), script("/usr/lib/piinit/nomad-acl", program)],
    },
    unit("nomad-acl.service", service, "multi-user.target"),
  );

// Looked at again and again, because a restored snapshot may have other tokens. Which tokens there are is known only where there is
// a leader. The leader alone reads the file, so every server writes it. By curl, and not each second: starting a program is work for
// a small machine, whose servers are about to hold their elections; with Nomad's own command, they won none.
const program = `#!/bin/sh
secret=${secretFile} reset=/data/nomad/server/acl-bootstrap-reset

ask() {
  said=$(curl --cacert ${pathsIn(nomadTls).ca} --silent --show-error --fail-with-body --noproxy "*" --max-time 20 "$@" 2>&1)
}
is_known() { ask --header @- https://127.0.0.1:4646/v1/acl/token/self <<EOF
X-Nomad-Token: $(cat $secret)
EOF
}

make_known() {
  ask --json @- https://127.0.0.1:4646/v1/acl/bootstrap <<EOF && return
{"BootstrapSecret": "$(cat $secret)"}
EOF
  case $said in
  *"reset index: "*) ;;
  *)
    echo "$said"
    return
    ;;
  esac
  index=$(echo "$said" | sed -n "s/.*reset index: \\([0-9]*\\)).*/\\1/p")
  # Another server may have made it known just now. Twice would be two tokens with one secret, which goes with the first of them.
  sleep 3
  is_known || echo "$index" >$reset
}

while :; do
  tries=0
  until is_known; do
    # Not later: the answer that made it known has the token in it.
    [ $((tries % 5)) != 0 ] || echo "$said"
    tries=$((tries + 1))
    case $said in *"ACL token not found"* | *"Permission denied"*) make_known ;; esac
    sleep 3
  done
  rm -f $reset
  sleep 300
done
`;

const service = `[Unit]
Description=Make the stack's token the one that manages Nomad
Wants=nomad.service
After=nomad.service

[Service]
Type=exec
ExecStart=/usr/lib/piinit/nomad-acl
Restart=always
RestartSec=5
`;
