import { combine, enable, file } from "../manifest/contribution.ts";

/** What Nomad's Docker driver may do: no privileged containers, and the machine's folders only if that is wanted. */
export const dockerPlugin = (folders: boolean) => ({
  config: { allow_privileged: false, volumes: { enabled: folders } },
});

// Logs are bounded both by `local` and by what Nomad sets for its tasks (2 files of 2 MB).
const daemon = {
  "data-root": "/data/docker",
  "log-driver": "local",
  "log-opts": { "max-size": "5m", "max-file": "2" },
};

// Nomad uses Docker's API, never containerd's interface for Kubernetes.
const containerd = `version = 2
root = "/data/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`;

const onData = `[Unit]
RequiresMountsFor=/data
StartLimitIntervalSec=0
`;

/** Debian's Docker for Nomad's driver, with all its data on the data file system. */
export const docker = combine({
  packages: ["docker.io"],
  files: [
    file("/etc/docker/daemon.json", `${JSON.stringify(daemon, undefined, 2)}\n`),
    file("/etc/containerd/config.toml", containerd),
    file("/etc/systemd/system/containerd.service.d/data.conf", onData),
    file("/etc/systemd/system/docker.service.d/data.conf", onData),
  ],
  links: [
    enable("containerd.service", "multi-user.target"),
    enable("docker.service", "multi-user.target"),
    enable("docker.socket", "sockets.target"),
  ],
});
