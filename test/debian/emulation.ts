import { missingPackages } from "../../lib/host.ts";
import { emulationPackages } from "../../toolchain/packages.ts";

/** Prints what is missing of the packages for boards of another architecture. */
process.stdout.write((await missingPackages(emulationPackages)).map(({ debian }) => debian).join(" "));
