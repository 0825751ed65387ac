import type { SystemPackage } from "../lib/host.ts";

/** QEMU for guests of each host's own architecture. */
export const emulatorPackages = {
  x64: {
    debian: "qemu-system-x86",
    fedora: "qemu-system-x86-core",
    programs: ["qemu-system-x86_64"],
  },
  arm64: {
    debian: "qemu-system-arm",
    fedora: "qemu-system-aarch64-core",
    programs: ["qemu-system-aarch64"],
  },
} satisfies Record<string, SystemPackage>;

/** Part of every Debian system; others may lack it. */
const utilLinux: SystemPackage = {
  debian: "util-linux",
  fedora: "util-linux",
  programs: ["flock", "nsenter", "setpriv", "setsid", "unshare"],
};

/** What else the lab runs. */
export const labPackages: readonly SystemPackage[] = [
  utilLinux,
  { debian: "qemu-utils", fedora: "qemu-img", programs: ["qemu-img"] },
  { debian: "e2fsprogs", fedora: "e2fsprogs", programs: ["mke2fs", "debugfs"] },
  { debian: "mtools", fedora: "mtools", programs: ["mcopy"] },
];

/** What building images needs on the machine that builds. */
export const imagePackages: readonly SystemPackage[] = [
  utilLinux,
  // A Debian in a container may lack it, and mmdebstrap only recommends it.
  { debian: "mount", fedora: "util-linux-core", programs: ["mount", "umount"] },
  { debian: "mmdebstrap", fedora: "mmdebstrap", programs: ["mmdebstrap"] },
  // Maps a user's own range of user ids, to make a root file system without being root.
  { debian: "uidmap", fedora: "shadow-utils", programs: ["newuidmap"] },
  {
    debian: "debian-archive-keyring",
    fedora: "debian-keyring",
    programs: [],
    files: ["/usr/share/keyrings/debian-archive-keyring.gpg"],
  },
  {
    debian: "e2fsprogs",
    fedora: "e2fsprogs",
    programs: ["mke2fs", "debugfs", "e2fsck", "resize2fs"],
  },
  { debian: "mtools", fedora: "mtools", programs: ["mformat", "mcopy"] },
  { debian: "xz-utils", fedora: "xz", programs: ["xz"] },
  { debian: "zstd", fedora: "zstd", programs: ["zstd"] },
  // Make the update of an image.
  { debian: "rauc", fedora: "rauc", programs: ["rauc"] },
  { debian: "squashfs-tools", fedora: "squashfs-tools", programs: ["mksquashfs"] },
];

/** What every stack needs. */
export const basicPackages: readonly SystemPackage[] = [
  {
    debian: "ca-certificates",
    fedora: "ca-certificates",
    programs: [],
    files: ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"],
  },
  { debian: "procps", fedora: "procps-ng", programs: ["ps"] },
  { debian: "openssh-client", fedora: "openssh-clients", homebrew: "openssh", programs: ["ssh", "ssh-keygen"] },
];

/** For images of another architecture than this machine's. */
export const emulationPackages: readonly SystemPackage[] = [
  {
    debian: "qemu-user-static",
    fedora: "qemu-user-static",
    programs: [],
    staticPrograms: ["qemu-aarch64", "qemu-arm", "qemu-x86_64"],
  },
];

/** What building a tool needs if its publisher's release can't be downloaded. */
export const goPackage: SystemPackage = { debian: "golang-go", fedora: "golang", homebrew: "go", programs: ["go"] };

/** The C compiler for this machine's own programs. */
export const compilerPackages: readonly SystemPackage[] = [
  { debian: "gcc", fedora: "gcc", programs: ["gcc"] },
  { debian: "libc6-dev", fedora: "glibc-devel", programs: [], files: ["/usr/include/stdio.h"] },
];

/** Those for another machine's programs, by its architecture. */
export const crossCompilerPackages: Readonly<Record<string, readonly SystemPackage[]>> = {
  arm64: [
    { debian: "gcc-aarch64-linux-gnu", fedora: "gcc-aarch64-linux-gnu", programs: ["aarch64-linux-gnu-gcc"] },
    { debian: "libc6-dev-arm64-cross", programs: [], files: ["/usr/aarch64-linux-gnu/include/stdio.h"] },
  ],
  amd64: [
    { debian: "gcc-x86-64-linux-gnu", fedora: "gcc-x86_64-linux-gnu", programs: ["x86_64-linux-gnu-gcc"] },
    { debian: "libc6-dev-amd64-cross", programs: [], files: ["/usr/x86_64-linux-gnu/include/stdio.h"] },
  ],
};

/** What only the tests need: a router (dnsmasq), a DHCP client, another card writer, UEFI, a shell linter. */
export const testPackages: readonly SystemPackage[] = [
  { debian: "openssh-server", fedora: "openssh-server", programs: ["sshd"] },
  { debian: "dnsmasq-base", fedora: "dnsmasq", programs: ["dnsmasq"] },
  { debian: "busybox-static", fedora: "busybox", programs: ["busybox"] },
  { debian: "iproute2", fedora: "iproute", programs: ["ip"] },
  { debian: "bmap-tools", fedora: "bmap-tools", programs: ["bmaptool"] },
  { debian: "shellcheck", fedora: "ShellCheck", programs: ["shellcheck"] },
  { debian: "bsdutils", fedora: "util-linux-script", programs: ["script"] },
  { debian: "ovmf", fedora: "edk2-ovmf", programs: [], files: ["/usr/share/ovmf/OVMF.fd"] },
];

/** What a suite of tests needs in addition. */
export const suitePackages: Readonly<Record<string, readonly SystemPackage[]>> = {
  boards: Object.values(emulatorPackages),
  browser: [{ debian: "chromium", fedora: "chromium", programs: ["chromium"] }],
};
