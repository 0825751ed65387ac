import type { SystemPackage } from "../lib/host.ts";
import {
  basicPackages,
  compilerPackages,
  crossCompilerPackages,
  emulationPackages,
  emulatorPackages,
  goPackage,
  imagePackages,
  labPackages,
  suitePackages,
  testPackages,
} from "../toolchain/packages.ts";

/** What the image benchmark compares the builder with. */
const benchPackages: readonly SystemPackage[] = [
  { debian: "vmdb2", programs: ["vmdb2"] },
  { debian: "zerofree", fedora: "zerofree", programs: ["zerofree"] },
];

/** Programs that every Linux has, so they are never looked for. */
const essentialPackages: readonly SystemPackage[] = [
  { debian: "coreutils", programs: ["cp", "dd", "env"] },
  { debian: "dash", programs: ["sh"] },
  { debian: "tar", programs: ["tar"] },
  { debian: "util-linux", programs: ["lsblk"] },
];

/** All packages, to find the one that contains a program. */
export const allPackages: readonly SystemPackage[] = [
  ...Object.values(emulatorPackages),
  ...labPackages,
  ...imagePackages,
  ...basicPackages,
  ...emulationPackages,
  goPackage,
  ...compilerPackages,
  ...Object.values(crossCompilerPackages).flat(),
  ...testPackages,
  ...Object.values(suitePackages).flat(),
  ...benchPackages,
  ...essentialPackages,
];
