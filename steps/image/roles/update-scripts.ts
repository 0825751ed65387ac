import { updateServerName } from "../../update-messages.ts";
import { ownSlot } from "../manifest/slots.ts";
import type { pathsIn } from "./certificates.ts";

/**
 * What the scripts know and say. In /data/rauc: "trying", the lines of the update that is installed and not yet confirmed;
 * "failed", those of the last one that wasn't kept, with the reason; "whole-A" and "whole-B", the image in a slot that was
 * confirmed or completely installed. In Consul: what is wanted, and the machine's status, as lines KEY=VALUE.
 */
const messages = `${ownSlot}
other=$(other_than "$own")
running=$(cat /etc/piinit-image)
state=/data/rauc
read -r name _ </run/piinit/machine 2>/dev/null || name=

# line NAME FILE: the value of the line NAME=VALUE.
line() { sed -n "s/^$1=//p" "$2" 2>/dev/null | head -n 1; }

kv() {
  path=$1
  shift
  curl --silent --fail --noproxy "*" --max-time 15 --header @/etc/piinit/consul-token "$@" "http://127.0.0.1:8500/v1/kv/piinit/$path"
}

# report ATTEMPT STATE [TEXT]: the machine's status. Without a leader in Consul, nobody hears it.
report() {
  [ "\${3:-}" = "" ] || echo "$2: $3"
  kv "status/$name" --request PUT --data-binary @- >/dev/null <<END
image=$running
slot=$own
other=$(cat "$state/whole-$other" 2>/dev/null)
attempt=$1
state=$2
text=\${3:-}
END
}

# keep FILE: replaces it with standard input, whenever the power goes.
keep() { /usr/lib/piinit/write-durably "$state/$1"; }
forget() {
  rm -f "$state/$1"
  sync "$state"
}
`;

/** Takes what Consul says is wanted, by the machine's own certificate. */
export const take = (tls: ReturnType<typeof pathsIn>): string => `#!/bin/sh
# Takes the update that Consul has for this machine: downloads it, installs it into the other slot, and starts that on trial.
set -u
/usr/lib/piinit/wait-for-name
${messages}wanted=/run/piinit/wanted/now
log=/run/piinit/update.log
bundle=$state/bundle
trap 'rm -f "$bundle"' EXIT

read_wanted() { kv "wanted/$name?raw" >$wanted.new && mv $wanted.new $wanted; }

fail() {
  report "$attempt" failed "$1"
  { cat $wanted; echo "reason=$1"; } | keep failed
  return 1
}

# while_running PID STATE WORDS: reports how far it is, as the command in WORDS says.
while_running() {
  while kill -0 "$1" 2>/dev/null; do
    report "$attempt" "$2" "$(eval "$3")"
    sleep 3
  done
  wait "$1"
}

downloaded() { echo "$(($(stat -c %s "$bundle" 2>/dev/null || echo 0) * 100 / bytes)) %"; }
download() {
  free=$(($(df --output=avail -k /data | tail -n 1) / 1024))
  needed=$((bytes / 1048576 + 64))
  [ "$free" -ge $needed ] || { fail "its data partition has $free MiB free, and the update needs $needed MiB"; return; }
  rm -f "$bundle"
  curl --silent --show-error --fail --noproxy "*" --connect-timeout 20 --speed-limit 1000 --speed-time 60 \\
    --cacert ${tls.ca} --cert ${tls.certificate} --key ${tls.key} \\
    --resolve "${updateServerName}:$port:$address" --output "$bundle" "https://${updateServerName}:$port/$path" 2>$log &
  while_running $! downloading downloaded || { fail "it could not fetch the update from $address:$port: $(tail -n 1 $log)"; return; }
}

installed() { sed -n 's/^ *\\([0-9]*\\)% .*/\\1 %/p' $log | tail -n 1; }
install() {
  forget "whole-$other"
  rauc install "$bundle" >$log 2>&1 &
  while_running $! installing installed || { fail "$(refusal)"; return; }
  rm -f "$bundle"
  line image $wanted | keep "whole-$other"
}

# RAUC says it in a line of its own, which may have several causes in it.
refusal() {
  said=$(sed -n 's/^LastError: //p' $log | tail -n 1)
  case $said in
    *"Compatible mismatch"*) echo "it is another kind of machine: $said" ;;
    *signature* | *certificate* | *verify*) echo "the update was signed by another stack: $said" ;;
    *) echo "it could not install the update: \${said:-$(tail -n 1 $log)}" ;;
  esac
}

try_other() {
  keep trying <$wanted
  report "$attempt" draining "its jobs move to other machines"
  [ ! -x /usr/lib/piinit/drain ] || /usr/lib/piinit/drain || echo "its jobs could not be moved"
  report "$attempt" restarting "slot $other"
  /usr/lib/piinit/boot-choice set-primary "$other" || {
    forget trying
    fail "its boot partition can't be written"
    [ ! -x /usr/lib/piinit/drain ] || /usr/lib/piinit/drain end
    return 1
  }
  systemctl reboot
  # The next script to run is the other slot's.
  sleep infinity
}

take() {
  attempt=$(line attempt $wanted) image=$(line image $wanted) address=$(line address $wanted)
  port=$(line port $wanted) path=$(line path $wanted) bytes=$(line bytes $wanted)
  # Whether this image is kept is not known before.
  while /usr/lib/piinit/boot-choice is-trial; do sleep 3; done
  if [ "$image" = "$running" ]; then
    report "$attempt" running
  elif [ "$attempt" = "$(line attempt "$state/failed")" ]; then
    report "$attempt" failed "$(line reason "$state/failed")"
  elif [ "$image" = "$(cat "$state/whole-$other" 2>/dev/null)" ]; then
    try_other
  elif [ -z "$path" ]; then
    fail "slot $other has no $image any more"
  else
    download && install && try_other
  fi
}

# A call that comes meanwhile is not seen by the unit.
taken=
while read_wanted && [ "$(cat $wanted)" != "$taken" ]; do
  taken=$(cat $wanted)
  take || echo "the update was not taken"
done
`;

/** Tells that a trial is over. */
const confirmed = "/run/piinit/confirmed";

/** Runs after every start. */
export const confirm = `#!/bin/sh
# After a start: keeps the slot that is on trial if the machine is healthy in ten minutes, or goes back to the other one.
set -u
/usr/lib/piinit/wait-for-name
${messages}attempt=$(line attempt "$state/trying")

if /usr/lib/piinit/boot-choice is-trial; then
  tries=0
  until why=$(/usr/lib/piinit/why-unhealthy) && [ -z "$why" ]; do
    tries=$((tries + 1))
    report "$attempt" trying "$why"
    [ $tries -lt 120 ] || {
      { cat "$state/trying"; echo "reason=$why after ten minutes"; } | keep failed
      forget trying
      /usr/lib/piinit/boot-choice set-state "$own" bad
      systemctl reboot
      sleep infinity
    }
    sleep 5
  done
  /usr/lib/piinit/boot-choice set-state "$own" good
  touch ${confirmed}
elif [ -e "$state/trying" ] && [ "$(line image "$state/trying")" != "$running" ]; then
  # It may have been a power cut, or it hung.
  { cat "$state/trying"; echo "reason=it was started again before it was healthy"; } | keep failed
fi
forget trying
echo "$running" | keep "whole-$own"

# Nomad may take its time, and Consul is told at once.
[ ! -x /usr/lib/piinit/drain ] || /usr/lib/piinit/drain end &
reason=$(line reason "$state/failed")
if [ "$reason" ] && [ "$(line image "$state/failed")" != "$running" ]; then
  set -- "$(line attempt "$state/failed")" failed "$reason"
else
  set -- "$attempt" running
fi
until report "$@"; do sleep 5; done
wait
`;

/**
 * The end of a trial that hangs before it could be judged. Its watchdog, where there is one, ends a trial in which nothing
 * runs any more. Only trials have one: a slow card may keep a machine that is well from doing anything for a while.
 */
export const deadline = `#!/bin/sh
# Ends a trial that nothing has confirmed or refused in fifteen minutes, whatever it hangs in.
until [ -e /dev/piinit/boot ]; do sleep 1; done
/usr/lib/piinit/boot-choice is-trial || exit 0
modprobe --quiet bcm2835_wdt
watchdog=/dev/null
[ ! -c /dev/watchdog ] || watchdog=/dev/watchdog
exec 3>$watchdog
tries=0
until [ -e ${confirmed} ]; do
  [ $tries -lt 180 ] || systemctl --force --force reboot
  tries=$((tries + 1))
  echo >&3
  sleep 5
done
# So says who stops it on purpose.
printf V >&3
`;
