import { pathsIn } from "./certificates.ts";
import { nomadTls } from "./nomad-acl.ts";

/** The agents of an image's machines. */
export interface Parts {
  consulServer: boolean;
  nomadServer: boolean;
  nomadClient: boolean;
}

const askers = `# What an agent of this machine answers; nothing if it doesn't.
consul() { curl --silent --fail --noproxy "*" --max-time 10 --header @/etc/piinit/consul-token "http://127.0.0.1:8500$1"; }
nomad() {
  path=$1
  shift
  curl --silent --fail --noproxy "*" --max-time 10 --cacert ${pathsIn(nomadTls).ca} "$@" "https://127.0.0.1:4646$path"
}

# The client's own secret, by which Nomad's servers know it.
as_node() {
  request=$1
  shift
  echo "X-Nomad-Token: $(cat /data/nomad/client/secret-id)" | nomad "/v1/node/$(cat /data/nomad/client/client-id)$request" --header @- "$@"
}
`;

/** A script that prints what this machine's agents lack, if anything, for it to do its part in the cluster. */
export function whyUnhealthy({ consulServer, nomadServer, nomadClient }: Parts): string {
  return `#!/bin/sh
${askers}
lacks() { echo "$1"; exit; }
[ -s /run/piinit/machine ] || lacks "it has no address yet"
read -r _ address _ </run/piinit/machine
case $(consul /v1/status/leader) in '"'[0-9]*) ;; *) lacks "its Consul has no leader" ;; esac
${consulServer ? consulVote : ""}${nomadServer || nomadClient ? `case $(nomad /v1/status/leader) in '"'[0-9]*) ;; *) lacks "its Nomad has no leader" ;; esac\n` : ""}${nomadServer ? nomadPeer : ""}${nomadClient ? nomadReady : ""}`;
}

const consulVote = `consul /v1/agent/self | grep -q "Suffrage:Voter ID:$(cat /data/consul/node-id)" || lacks "its Consul server has no vote yet"
`;

const nomadPeer = `nomad /v1/status/peers | grep -qF "\\"$address:4647\\"" || lacks "its Nomad server is no member of the servers yet"
`;

const nomadReady = `as_node "" | grep -q '"Status":"ready"' || lacks "its Nomad client is not ready"
`;

/** Moves this machine's jobs elsewhere before it restarts, or lets it have jobs again. */
export const drain = `#!/bin/sh
# drain: returns when this machine's jobs run elsewhere, or have been asked to end for two minutes.
# drain end: it may have jobs again.
set -u
${askers}
drained=/data/rauc/drained
json="Content-Type: application/json"

if [ "\${1:-}" = end ]; then
  [ -e $drained ] || exit 0
  until as_node /drain --request PUT --header "$json" --data '{"MarkEligible": true}' >/dev/null; do sleep 3; done
  rm -f $drained
  exit
fi

touch $drained
sync $drained
as_node /drain --request PUT --header "$json" --data '{"DrainSpec": {"Deadline": 120000000000}}' >/dev/null || exit 1
tries=0
until as_node "" | grep -q '"DrainStrategy":null' || [ $tries -ge 60 ]; do
  tries=$((tries + 1))
  sleep 3
done
`;
